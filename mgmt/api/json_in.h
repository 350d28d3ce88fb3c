/* SPDX-License-Identifier: MIT */
/*
 * Reading request objects: a table says which members there may be, of which type and range.
 * Unknown members, members given twice, wrong types and values out of range are refused with the
 * member's name.
 */
#ifndef BH_JSON_IN_H
#define BH_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cJSON.h>

enum json_type {
    JSON_FLAG,    /* out: bool */
    JSON_COUNT,   /* out: uint64_t; a whole number, min..max */
    JSON_STRING,  /* out: const char *; min..max bytes; no NUL */
    JSON_STRINGS, /* out: const cJSON *; an array of min..max strings */
    JSON_MAP,  /* out: const cJSON *; an object of at most max strings, names not empty, no '=' */
    JSON_WORD, /* out: const cJSON *; a string or a number, for the caller to judge */
};

struct json_field {
    const char *name;
    enum json_type type;
    uint64_t min, max;
    void *out; /* untouched when the member is not there */
};

struct json_fault {
    char field[40]; /* "" when it is the text as a whole */
    char detail[120];
};

/* Checks and parses a text that must be one object. NULL and *fault when it is not, or out of
 * memory. */
cJSON *json_parse_object(const char *text, size_t len, struct json_fault *fault);
/* Reads the members into the table's outs. 0, or -1 with *fault. */
int json_read_fields(const cJSON *object, const struct json_field *fields, size_t n,
                     struct json_fault *fault);

#endif
