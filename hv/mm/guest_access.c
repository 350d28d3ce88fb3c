/* SPDX-License-Identifier: MIT */
/*
 * Access to guest memory: copies by guest-virtual and guest-physical address, one page at a time
 * under the domain's p2m.lock, which keeps the frames in place. A guest's page tables are walked
 * with at most four reads a page, each entry read once.
 *
 * Nothing here trusts the guest: every address is checked against MAX_GPA_BITS, every frame is
 * found by p2m_lookup() for the access that is meant. Accessed and dirty bits are not set.
 */
#include <hv/domain.h>
#include <hv/errno.h>
#include <hv/guest_access.h>
#include <hv/hvm.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/p2m.h>

#define CR0_WP (1ULL << 16)
#define CR0_PG (1ULL << 31)
#define EFER_LMA (1ULL << 10)

#define PTE_PRESENT 1ULL
#define PTE_WRITE 2ULL
#define PTE_LARGE 0x80ULL
#define PTE_LARGE_PAT 0x1000ULL
#define PTE_ADDR 0x000ffffffffff000ULL

enum { LEVEL_4K, LEVEL_2M, LEVEL_1G, LEVEL_TOP };

struct transfer {
    struct domain *d;
    uint8_t *buffer;    /* hv's side; NULL: zeros to the guest */
    enum p2m_access to; /* P2M_WRITE: to the guest */
};

/* p2m.lock held. One 64-bit entry of a guest's page table. */
static int read_entry(struct domain *d, uint64_t gpa, uint64_t *entry)
{
    struct p2m_entry e;
    const uint64_t *page;

    if (p2m_lookup(&d->p2m, GFN(gpa >> PAGE_SHIFT), P2M_READ, &e))
        return -EFAULT;
    page = frame_map(e.mfn);
    *entry = READ_ONCE(page[(gpa & (PAGE_SIZE - 1)) / sizeof(*page)]);
    frame_unmap(page);
    return 0;
}

/*
 * p2m.lock of v->d held. Intel SDM vol. 3, 4.5.4 "Linear-Address Translation with 4-Level Paging",
 * as a supervisor access: U/S and NX play no part, W counts when CR0.WP is set. Reserved bits that
 * a CPU would fault on (address bits above MAX_GPA_BITS, misaligned large pages) fail here as well.
 */
static int walk_tables(struct vcpu *v, const struct guest_paging *pg, uint64_t gva, bool write,
                       uint64_t *gpa)
{
    uint64_t table = pg->cr3 & PTE_ADDR;

    if (!(pg->efer & EFER_LMA) || ((int64_t)(gva << 16) >> 16) != (int64_t)gva)
        return -EFAULT;
    for (unsigned int level = LEVEL_TOP;; level--) {
        unsigned int shift = PAGE_SHIFT + 9 * level;
        uint64_t page_mask = (1ULL << shift) - 1, entry;

        if (table >> MAX_GPA_BITS ||
            read_entry(v->d, table + ((gva >> shift) & 511) * sizeof(entry), &entry))
            return -EFAULT;
        if (!(entry & PTE_PRESENT) || (write && !(entry & PTE_WRITE) && (pg->cr0 & CR0_WP)))
            return -EFAULT;
        table = entry & PTE_ADDR;
        if (level == LEVEL_4K || (entry & PTE_LARGE)) {
            if (level == LEVEL_TOP)
                return -EFAULT;
            if (level != LEVEL_4K)
                table &= ~PTE_LARGE_PAT;
            if (table & page_mask || table >> MAX_GPA_BITS)
                return -EFAULT;
            *gpa = table | (gva & page_mask);
            return 0;
        }
    }
}

static int translate(struct vcpu *v, const struct guest_paging *pg, uint64_t gva, bool write,
                     uint64_t *gpa)
{
    if (pg->cr0 & CR0_PG)
        return walk_tables(v, pg, gva, write, gpa);
    if (gva >> 32)
        return -EFAULT;
    *gpa = gva;
    return 0;
}

/* p2m.lock held; [gpa, gpa + len) lies in one page. Moves t->buffer on. */
static int copy_in_page(struct transfer *t, uint64_t gpa, size_t len)
{
    struct p2m_entry e;
    uint8_t *page;

    if (p2m_lookup(&t->d->p2m, GFN(gpa >> PAGE_SHIFT), t->to, &e))
        return -EFAULT;
    page = (uint8_t *)frame_map(e.mfn) + (gpa & (PAGE_SIZE - 1));
    if (t->to == P2M_READ)
        memcpy(t->buffer, page, len);
    else if (t->buffer)
        memcpy(page, t->buffer, len);
    else
        memset(page, 0, len);
    frame_unmap(page);
    if (t->buffer)
        t->buffer += len;
    return 0;
}

static size_t rest_of_page(uint64_t addr, size_t len)
{
    return MIN(len, PAGE_SIZE - (size_t)(addr & (PAGE_SIZE - 1)));
}

static int copy_gva(struct vcpu *v, struct transfer *t, uint64_t gva, size_t len)
{
    struct guest_paging pg;
    int rc = 0;

    hvm->get_paging(v, &pg);
    while (len && !rc) {
        size_t n = rest_of_page(gva, len);
        uint64_t gpa;

        spin_lock(&v->d->p2m.lock);
        rc = translate(v, &pg, gva, t->to == P2M_WRITE, &gpa);
        if (!rc)
            rc = copy_in_page(t, gpa, n);
        spin_unlock(&v->d->p2m.lock);
        gva += n; /* a wrap to 0 is refused by translate() or names the guest's own page 0 */
        len -= n;
    }
    return rc;
}

static int copy_gpa(struct transfer *t, uint64_t gpa, size_t len)
{
    uint64_t end;
    int rc = 0;

    if (add_overflows(gpa, len, &end) || end > 1ULL << MAX_GPA_BITS)
        return -EFAULT;
    while (len && !rc) {
        size_t n = rest_of_page(gpa, len);

        spin_lock(&t->d->p2m.lock);
        rc = copy_in_page(t, gpa, n);
        spin_unlock(&t->d->p2m.lock);
        gpa += n;
        len -= n;
    }
    return rc;
}

int guest_copy_from(struct vcpu *v, void *dst, uint64_t gva, size_t len)
{
    struct transfer t = {.d = v->d, .buffer = dst, .to = P2M_READ};

    return copy_gva(v, &t, gva, len);
}

/* The buffer is only read for P2M_WRITE. */
int guest_copy_to(struct vcpu *v, uint64_t gva, const void *src, size_t len)
{
    struct transfer t = {.d = v->d, .buffer = (uint8_t *)(uintptr_t)src, .to = P2M_WRITE};

    return copy_gva(v, &t, gva, len);
}

int guest_copy_from_gpa(struct domain *d, void *dst, uint64_t gpa, size_t len)
{
    struct transfer t = {.d = d, .buffer = dst, .to = P2M_READ};

    return copy_gpa(&t, gpa, len);
}

int guest_copy_to_gpa(struct domain *d, uint64_t gpa, const void *src, size_t len)
{
    struct transfer t = {.d = d, .buffer = (uint8_t *)(uintptr_t)src, .to = P2M_WRITE};

    return copy_gpa(&t, gpa, len);
}

int guest_translate(struct vcpu *v, uint64_t gva, bool write, uint64_t *gpa)
{
    struct guest_paging pg;
    int rc;

    hvm->get_paging(v, &pg);
    spin_lock(&v->d->p2m.lock);
    rc = translate(v, &pg, gva, write, gpa);
    spin_unlock(&v->d->p2m.lock);
    return rc;
}

int guest_pin_page(struct domain *d, gfn_t gfn, void **page)
{
    struct p2m_entry e;
    int rc = -EINVAL;

    spin_lock(&d->p2m.lock);
    if (!p2m_lookup(&d->p2m, gfn, P2M_WRITE, &e) && e.type == P2M_RAM)
        rc = frame_pin(e.mfn, d->id);
    spin_unlock(&d->p2m.lock);
    if (!rc)
        *page = frame_map(e.mfn);
    return rc ? -EINVAL : 0;
}

void guest_unpin_page(void *page)
{
    mfn_t mfn = frame_of(page);

    frame_unmap(page);
    frame_unpin(mfn);
}
