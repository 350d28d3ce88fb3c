/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddy blocks on clean and dirty free lists, one 64-bit record a frame.
 * Only the head of a free block has a record; records of its other frames are 0, so that giving
 * all of RAM to the allocator touches a few records only. frame_lock guards lists and free records;
 * pins of allocated frames change by compare-and-swap.
 */
#include <hv/errno.h>
#include <hv/lib.h>
#include <hv/mm.h>
#include <hv/printk.h>
#include <hv/spinlock.h>

/*
 * Record: bits 0-2 kind.
 *   free head: 3-7 order, 8-35 next, 36-63 previous head on the list
 *   allocated: 8-23 owner, 24-47 pins
 */
enum kind { KIND_NONE = 0, KIND_CLEAN = 1, KIND_DIRTY = 2, KIND_ALLOCATED = 3 };

#define INDEX_NONE 0xfffffffU /* 28 bits */
#define PIN_ONE (1ULL << 24)
#define PIN_MAX 0xffffffULL

static struct spinlock frame_lock;
static uint64_t *records;
static uint64_t nr_records;
static uint32_t free_heads[2][MAX_ORDER + 1]; /* [0] clean, [1] dirty */
static uint64_t total_count, free_count;

static enum kind kind_of(uint64_t r)
{
    return (enum kind)(r & 7);
}

static unsigned int order_of(uint64_t r)
{
    return (unsigned int)(r >> 3) & 31;
}

static uint32_t next_of(uint64_t r)
{
    return (uint32_t)(r >> 8) & INDEX_NONE;
}

static uint32_t prev_of(uint64_t r)
{
    return (uint32_t)(r >> 36) & INDEX_NONE;
}

static uint64_t free_record(enum kind k, unsigned int order, uint32_t next, uint32_t prev)
{
    return (uint64_t)k | (uint64_t)order << 3 | (uint64_t)next << 8 | (uint64_t)prev << 36;
}

static uint64_t owner_record(uint16_t owner)
{
    return (uint64_t)KIND_ALLOCATED | (uint64_t)owner << 8;
}

static uint16_t owner_of(uint64_t r)
{
    return (uint16_t)(r >> 8);
}

static uint64_t pins_of(uint64_t r)
{
    return r >> 24 & PIN_MAX;
}

static bool is_free_head(uint64_t r)
{
    return kind_of(r) == KIND_CLEAN || kind_of(r) == KIND_DIRTY;
}

static void list_push(uint32_t index, unsigned int order, enum kind k)
{
    uint32_t *head = &free_heads[k == KIND_DIRTY][order];

    if (*head != INDEX_NONE) {
        uint64_t r = records[*head];

        records[*head] = free_record(kind_of(r), order, next_of(r), index);
    }
    records[index] = free_record(k, order, *head, INDEX_NONE);
    *head = index;
}

static void list_remove(uint32_t index)
{
    uint64_t r = records[index];
    uint32_t next = next_of(r), prev = prev_of(r);
    unsigned int order = order_of(r);

    if (next != INDEX_NONE)
        records[next] = free_record(kind_of(r), order, next_of(records[next]), prev);
    if (prev != INDEX_NONE)
        records[prev] = free_record(kind_of(r), order, next, prev_of(records[prev]));
    else
        free_heads[kind_of(r) == KIND_DIRTY][order] = next;
    records[index] = 0;
}

/* Join with free buddies of the same kind; a clean block stays clean by not joining dirty ones. */
static void insert_block(uint32_t index, unsigned int order, enum kind k)
{
    free_count += 1ULL << order;
    while (order < MAX_ORDER) {
        uint32_t buddy = index ^ (1U << order);
        uint64_t r = buddy < nr_records ? records[buddy] : 0;

        if (kind_of(r) != k || order_of(r) != order)
            break;
        list_remove(buddy);
        index &= ~(1U << order);
        order++;
    }
    list_push(index, order, k);
}

static uint32_t take_block(unsigned int order, enum kind k)
{
    for (unsigned int o = order; o <= MAX_ORDER; o++) {
        uint32_t index = free_heads[k == KIND_DIRTY][o];

        if (index == INDEX_NONE)
            continue;
        list_remove(index);
        while (o > order) {
            o--;
            list_push(index + (1U << o), o, k);
        }
        free_count -= 1ULL << order;
        return index;
    }
    return INDEX_NONE;
}

static void scrub(mfn_t mfn, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        void *p = frame_map(mfn_add(mfn, i));

        memzero64(p, PAGE_SIZE);
        frame_unmap(p);
    }
}

mfn_t frame_alloc(unsigned int order, uint16_t owner)
{
    bool dirty = false;
    uint32_t index;

    if (order > MAX_ORDER)
        return MFN_NONE;
    spin_lock(&frame_lock);
    index = take_block(order, KIND_CLEAN);
    if (index == INDEX_NONE) {
        index = take_block(order, KIND_DIRTY);
        dirty = true;
    }
    if (index != INDEX_NONE)
        for (uint32_t i = 0; i < 1U << order; i++)
            records[index + i] = owner_record(owner);
    spin_unlock(&frame_lock);
    if (index == INDEX_NONE)
        return MFN_NONE;
    if (dirty)
        scrub(MFN(index), 1ULL << order);
    return MFN(index);
}

void frame_free(mfn_t mfn, unsigned int order, uint16_t owner)
{
    uint64_t count = 1ULL << order;

    ASSERT(order <= MAX_ORDER && !(mfn.n & (count - 1)) && mfn.n + count <= nr_records);
    for (uint64_t i = 0; i < count; i++)
        if (READ_ONCE(records[mfn.n + i]) != owner_record(owner))
            panic("frame %lx: freed by %x but its record is %lx", mfn.n + i, owner,
                  records[mfn.n + i]);
    scrub(mfn, count);
    spin_lock(&frame_lock);
    for (uint64_t i = 0; i < count; i++) {
        ASSERT(records[mfn.n + i] == owner_record(owner));
        records[mfn.n + i] = 0;
    }
    insert_block((uint32_t)mfn.n, order, KIND_CLEAN);
    spin_unlock(&frame_lock);
}

uint16_t frame_owner(mfn_t mfn)
{
    uint64_t r = mfn.n < nr_records ? READ_ONCE(records[mfn.n]) : 0;

    return kind_of(r) == KIND_ALLOCATED ? owner_of(r) : (uint16_t)FRAME_OWNER_NONE;
}

void frame_set_owner(mfn_t mfn, unsigned int order, uint16_t owner)
{
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        ASSERT(frame_owner(mfn_add(mfn, i)) != FRAME_OWNER_NONE);
        WRITE_ONCE(records[mfn.n + i], owner_record(owner));
    }
}

int frame_pin(mfn_t mfn, uint16_t owner)
{
    uint64_t r;

    if (mfn.n >= nr_records)
        return -EINVAL;
    r = READ_ONCE(records[mfn.n]);
    do {
        if (kind_of(r) != KIND_ALLOCATED || owner_of(r) != owner)
            return -EINVAL;
        if (pins_of(r) == PIN_MAX)
            return -EBUSY;
    } while (!__atomic_compare_exchange_n(&records[mfn.n], &r, r + PIN_ONE, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return 0;
}

void frame_unpin(mfn_t mfn)
{
    uint64_t r;

    ASSERT(mfn.n < nr_records);
    r = READ_ONCE(records[mfn.n]);
    do {
        ASSERT(kind_of(r) == KIND_ALLOCATED && pins_of(r));
    } while (!__atomic_compare_exchange_n(&records[mfn.n], &r, r - PIN_ONE, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
}

unsigned int frame_pins(mfn_t mfn)
{
    uint64_t r = mfn.n < nr_records ? READ_ONCE(records[mfn.n]) : 0;

    return kind_of(r) == KIND_ALLOCATED ? (unsigned int)pins_of(r) : 0;
}

uint64_t frames_total(void)
{
    return total_count;
}

uint64_t frames_free(void)
{
    return READ_ONCE(free_count);
}

/* Head of the free block that holds index, or INDEX_NONE. */
static uint32_t free_block_of(uint32_t index)
{
    for (unsigned int o = 0; o <= MAX_ORDER; o++) {
        uint32_t head = index & ~((1U << o) - 1);

        if (is_free_head(records[head]) && index - head < 1U << order_of(records[head]))
            return head;
    }
    return INDEX_NONE;
}

static bool frame_holds(mfn_t mfn, uint64_t pattern)
{
    const uint64_t *p = frame_map(mfn);
    bool found = false;

    for (size_t i = 0; i < PAGE_SIZE / 8 && !found; i++)
        found = p[i] == pattern;
    frame_unmap(p);
    return found;
}

bool frame_is_ram(mfn_t mfn)
{
    bool ram;

    if (mfn.n >= nr_records)
        return false;
    spin_lock(&frame_lock);
    ram = kind_of(records[mfn.n]) == KIND_ALLOCATED || free_block_of((uint32_t)mfn.n) != INDEX_NONE;
    spin_unlock(&frame_lock);
    return ram;
}

int frame_scan_free(uint64_t pattern, uint64_t *cursor, uint64_t *found)
{
    uint64_t at = *cursor;
    unsigned int scanned = 0;

    spin_lock(&frame_lock);
    for (unsigned int steps = 0; at < nr_records && scanned < 64 && steps < 4096; steps++) {
        uint32_t head = free_block_of((uint32_t)at);

        if (head == INDEX_NONE) {
            at++;
        } else if (kind_of(records[head]) == KIND_DIRTY) {
            at = head + (1ULL << order_of(records[head]));
        } else {
            *found += frame_holds(MFN(at), pattern);
            at++;
            scanned++;
        }
    }
    spin_unlock(&frame_lock);
    *cursor = at;
    return at < nr_records ? -EAGAIN : 0;
}

size_t frame_table_bytes(uint64_t max_mfn)
{
    return max_mfn * sizeof(records[0]);
}

void frame_init(void *table, uint64_t max_mfn)
{
    ASSERT(max_mfn < INDEX_NONE);
    records = table;
    nr_records = max_mfn;
    total_count = free_count = 0;
    spin_init(&frame_lock);
    for (unsigned int i = 0; i <= MAX_ORDER; i++)
        free_heads[0][i] = free_heads[1][i] = INDEX_NONE;
}

void frame_add_range(mfn_t first, uint64_t count)
{
    uint64_t at = first.n, end = first.n + count;

    ASSERT(end <= nr_records);
    total_count += count;
    spin_lock(&frame_lock);
    while (at < end) {
        unsigned int order = at ? (unsigned int)__builtin_ctzll(at) : MAX_ORDER;

        if (order > MAX_ORDER)
            order = MAX_ORDER;
        while (at + (1ULL << order) > end)
            order--;
        insert_block((uint32_t)at, order, KIND_DIRTY);
        at += 1ULL << order;
    }
    spin_unlock(&frame_lock);
}

void frame_claim(mfn_t first, uint64_t count, uint16_t owner)
{
    ASSERT(first.n + count <= nr_records);
    total_count += count;
    for (uint64_t i = 0; i < count; i++) {
        ASSERT(kind_of(records[first.n + i]) == KIND_NONE);
        records[first.n + i] = owner_record(owner);
    }
}
