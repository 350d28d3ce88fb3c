/* SPDX-License-Identifier: MIT */
/*
 * Reads whole files from the ESP the loader came from. What is read here is not covered by the
 * image's signature: the base image is checked block by block against a hash that is, and the
 * configuration is the operator's.
 */
#include <string.h>
#include "efi_env.h"

#define CHUNK_BYTES (4ULL << 20)
#define DOT_EVERY (16ULL << 20)

void esp_open(EFI_HANDLE device, struct esp *esp)
{
    static EFI_GUID fs_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_FILE_IO_INTERFACE *fs = NULL;

    esp->root = NULL;
    if (device == NULL || efi_bs->HandleProtocol(device, &fs_guid, (void **)&fs) != EFI_SUCCESS)
        return;
    if (fs->OpenVolume(fs, &esp->root) != EFI_SUCCESS)
        esp->root = NULL;
}

static bool get_size(EFI_FILE_HANDLE file, uint64_t *size)
{
    static EFI_GUID info_guid = EFI_FILE_INFO_ID;
    union {
        EFI_FILE_INFO info;
        uint8_t room[1024];
    } u;
    UINTN length = sizeof(u);

    if (file->GetInfo(file, &info_guid, &length, &u) != EFI_SUCCESS ||
        (u.info.Attribute & EFI_FILE_DIRECTORY) != 0)
        return false;
    *size = u.info.FileSize;
    return true;
}

static bool read_all(EFI_FILE_HANDLE file, uint8_t *to, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t left = size - done;
        UINTN n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        if (file->Read(file, &n, to + done) != EFI_SUCCESS || n == 0)
            return false;
        if (done / DOT_EVERY != (done + n) / DOT_EVERY)
            console_print(".");
        done += n;
    }
    return true;
}

static void print_path(const CHAR16 *path)
{
    char text[2] = "";

    for (; *path != 0; path++) {
        text[0] = (char)*path;
        console_print(text);
    }
}

bool esp_read(const struct esp *esp, CHAR16 *path, struct file_data *out)
{
    EFI_FILE_HANDLE file;
    uint64_t size = 0;

    *out = (struct file_data){0};
    if (esp->root == NULL ||
        esp->root->Open(esp->root, &file, path, EFI_FILE_MODE_READ, 0) != EFI_SUCCESS)
        return true;

    bool ok = get_size(file, &size);
    if (ok && size != 0) {
        print_path(path);
        console_print(" ");
        uint64_t room = align_up(size, PAGE_BYTES);
        uint64_t base = memory_alloc(room, 0);
        ok = base != 0 && read_all(file, (uint8_t *)(uintptr_t)base, size);
        if (ok) {
            memset((uint8_t *)(uintptr_t)(base + size), 0, room - size);
            out->base = base;
            out->size = size;
            console_print(" ");
            console_print_dec(size / 1024);
            console_print(" KB\n");
        }
    }
    file->Close(file);
    if (!ok) {
        print_path(path);
        return console_fail("file", "cannot be read, or does not fit into memory");
    }
    return true;
}
