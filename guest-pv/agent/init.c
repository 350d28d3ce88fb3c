/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of a sandbox. Stage one runs from the initrd: it loads the drivers, puts a tmpfs overlay
 * (it dies with the session) over the read-only base image and makes that the root. Stage two
 * mounts the kernel's file systems, starts the network and the agent, and reaps what others leave
 * behind.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT_DEVICE "/dev/xvda"
#define DEVICE_TRIES 1000 /* of 10 ms */

static int mount_at(const char *what, const char *where, const char *type, unsigned long flags,
                    const char *options)
{
    if (mkdir(where, 0755) != 0 && errno != EEXIST)
        fprintf(stderr, "init: mkdir %s: %s\n", where, strerror(errno));
    if (mount(what, where, type, flags, options) == 0 || errno == EBUSY)
        return 0;

    int rc = -errno;

    fprintf(stderr, "init: mount %s: %s\n", where, strerror(errno));
    return rc;
}

/* ---- stage one ---- */

static void load_modules(void)
{
    FILE *order = fopen("/modules/modules.order.txt", "re");
    char name[128], path[160];

    while (order && fgets(name, sizeof(name), order)) {
        name[strcspn(name, "\n")] = 0;
        if (name[0] == 0)
            continue;
        snprintf(path, sizeof(path), "/modules/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
            fprintf(stderr, "init: module %s: %s\n", name, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    if (order)
        fclose(order);
}

static int wait_for_device(const char *path)
{
    const struct timespec ms10 = {.tv_nsec = 10000000};

    for (int i = 0; i < DEVICE_TRIES; i++) {
        if (access(path, F_OK) == 0)
            return 0;
        nanosleep(&ms10, NULL);
    }
    fprintf(stderr, "init: %s did not appear\n", path);
    return -ENODEV;
}

static int make_root(void)
{
    int rc = mount_at(ROOT_DEVICE, "/base", "squashfs", MS_RDONLY | MS_NODEV, NULL);

    if (rc == 0)
        rc = mount_at("overlay", "/over", "tmpfs", 0, "mode=0755");
    if (rc)
        return rc;
    mkdir("/over/upper", 0755);
    mkdir("/over/work", 0755);
    return mount_at("root", "/root", "overlay", 0,
                    "lowerdir=/base,upperdir=/over/upper,workdir=/over/work");
}

/* Runs this very program again inside the new root, where its file does not exist. */
static int enter_root(void)
{
    char *argv[] = {"bulkhead-init", NULL}, *envp[] = {NULL};
    int self = open("/init", O_RDONLY | O_CLOEXEC);

    if (self < 0 || mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) != 0 || chdir("/root") != 0 ||
        mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
        return -errno;
    fexecve(self, argv, envp);
    return -errno;
}

int init_stage_one(void)
{
    int rc;

    mount_at("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
    mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    load_modules();
    rc = wait_for_device(ROOT_DEVICE);
    if (rc == 0)
        rc = make_root();
    if (rc == 0)
        rc = enter_root();
    fprintf(stderr, "init: no root file system: %s\n", strerror(-rc));
    return rc;
}

/* ---- stage two ---- */

static void mount_all(void)
{
    mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("pts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
    mount_at("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mount_at("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    mount_at("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    if (mount_at("cgroup", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) ==
        0)
        mkdir(INIT_CGROUP_ROOT, 0755);
    if (symlink("/proc/self/fd", "/dev/fd") != 0 && errno != EEXIST)
        perror("init: /dev/fd");
}

static void loopback_up(void)
{
    struct ifreq ifr = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0) {
        ifr.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &ifr) != 0)
            perror("init: lo");
    }
    close(fd);
}

static pid_t start_network(void)
{
    static char *const argv[] = {"busybox",
                                 "udhcpc",
                                 "-f",
                                 "-i",
                                 "eth0",
                                 "-t",
                                 "20",
                                 "-T",
                                 "1",
                                 "-A",
                                 "5",
                                 "-s",
                                 "/usr/share/bulkhead/udhcpc.sh",
                                 NULL};
    static char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    pid_t pid = fork();

    if (pid == 0) {
        if (wait_for_device("/sys/class/net/eth0") != 0)
            _exit(1); /* a sandbox without a network */
        int null = open("/dev/null", O_RDWR);

        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        setsid();
        execve("/bin/busybox", argv, envp);
        _exit(127);
    }
    return pid;
}

static pid_t start_agent(int (*agent_main)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        _exit(agent_main() ? 1 : 0);
    }
    return pid;
}

_Noreturn void init_stage_two(int (*agent_main)(void))
{
    const struct timespec second = {.tv_sec = 1};
    pid_t agent;

    mount_all();
    loopback_up();
    agent = start_agent(agent_main);
    start_network();
    for (;;) {
        pid_t pid = waitpid(-1, NULL, 0);

        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            nanosleep(&second, NULL);
        if (pid == agent || agent < 0) { /* killed by root inside, or the channel broke */
            nanosleep(&second, NULL);
            agent = start_agent(agent_main);
        }
    }
}
