/* SPDX-License-Identifier: MIT */
/* Table-driven reading of request objects. See json_in.h. */
#include "api/json_in.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/json_check.h"

static int refuse(struct json_fault *fault, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct json_fault *fault, const char *field, const char *fmt, ...)
{
    va_list ap;

    snprintf(fault->field, sizeof fault->field, "%s", field);
    va_start(ap, fmt);
    vsnprintf(fault->detail, sizeof fault->detail, fmt, ap);
    va_end(ap);
    return -1;
}

cJSON *json_parse_object(const char *text, size_t len, struct json_fault *fault)
{
    size_t at;
    const char *wrong = json_check(text, len, &at);
    cJSON *object;

    if (wrong != NULL) {
        refuse(fault, "", "not JSON as RFC 8259 has it, at byte %zu: %s", at, wrong);
        return NULL;
    }
    object = cJSON_ParseWithLength(text, len);
    if (object == NULL) {
        refuse(fault, "", "the JSON text cannot be taken in");
        return NULL;
    }
    if (!cJSON_IsObject(object)) {
        refuse(fault, "", "a JSON object is expected");
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static int read_count(const struct json_field *f, const cJSON *v, struct json_fault *fault)
{
    double d = v->valuedouble;

    if (!cJSON_IsNumber(v))
        return refuse(fault, f->name, "a number is expected");
    if (!(d >= (double)f->min && d <= (double)f->max) || (double)(uint64_t)d != d)
        return refuse(fault, f->name, "a whole number from %llu to %llu is expected",
                      (unsigned long long)f->min, (unsigned long long)f->max);
    *(uint64_t *)f->out = (uint64_t)d;
    return 0;
}

static int read_string(const struct json_field *f, const cJSON *v, struct json_fault *fault)
{
    size_t len;

    if (!cJSON_IsString(v))
        return refuse(fault, f->name, "a string is expected");
    len = strlen(v->valuestring);
    if (len < f->min || len > f->max)
        return refuse(fault, f->name, "a string of %llu to %llu bytes is expected",
                      (unsigned long long)f->min, (unsigned long long)f->max);
    *(const char **)f->out = v->valuestring;
    return 0;
}

static int read_strings(const struct json_field *f, const cJSON *v, struct json_fault *fault)
{
    const cJSON *item;
    uint64_t n = 0;

    if (!cJSON_IsArray(v))
        return refuse(fault, f->name, "an array of strings is expected");
    cJSON_ArrayForEach(item, v)
    {
        if (!cJSON_IsString(item))
            return refuse(fault, f->name, "an array of strings is expected");
        n++;
    }
    if (n < f->min || n > f->max)
        return refuse(fault, f->name, "an array of %llu to %llu strings is expected",
                      (unsigned long long)f->min, (unsigned long long)f->max);
    *(const cJSON **)f->out = v;
    return 0;
}

static bool named_before(const cJSON *object, const cJSON *item)
{
    for (const cJSON *v = object->child; v != item; v = v->next) {
        if (strcmp(v->string, item->string) == 0)
            return true;
    }
    return false;
}

static int read_map(const struct json_field *f, const cJSON *v, struct json_fault *fault)
{
    const cJSON *item;
    uint64_t n = 0;

    if (!cJSON_IsObject(v))
        return refuse(fault, f->name, "an object of strings is expected");
    /* Bounded before the search for doubles, which takes time by the square. */
    if ((uint64_t)cJSON_GetArraySize(v) > f->max)
        return refuse(fault, f->name, "at most %llu members are allowed",
                      (unsigned long long)f->max);
    cJSON_ArrayForEach(item, v)
    {
        n++;
        if (!cJSON_IsString(item))
            return refuse(fault, f->name, "an object of strings is expected");
        if (item->string[0] == '\0' || strchr(item->string, '=') != NULL)
            return refuse(fault, f->name, "name %llu is empty or holds '='", (unsigned long long)n);
        if (named_before(v, item))
            return refuse(fault, f->name, "a name is given twice");
    }
    *(const cJSON **)f->out = v;
    return 0;
}

static int read_field(const struct json_field *f, const cJSON *v, struct json_fault *fault)
{
    switch (f->type) {
    case JSON_FLAG:
        if (!cJSON_IsBool(v))
            return refuse(fault, f->name, "true or false is expected");
        *(bool *)f->out = cJSON_IsTrue(v);
        return 0;
    case JSON_COUNT:
        return read_count(f, v, fault);
    case JSON_STRING:
        return read_string(f, v, fault);
    case JSON_STRINGS:
        return read_strings(f, v, fault);
    case JSON_MAP:
        return read_map(f, v, fault);
    case JSON_WORD:
        if (!cJSON_IsString(v) && !cJSON_IsNumber(v))
            return refuse(fault, f->name, "a string or a number is expected");
        *(const cJSON **)f->out = v;
        return 0;
    }
    return -1;
}

/* The name is the client's: only what is safe to show of it goes into the answer. */
static int refuse_unknown(struct json_fault *fault, const char *name)
{
    char shown[32];
    size_t n = 0;

    for (; name[n] != '\0' && n + 1 < sizeof shown; n++)
        shown[n] = name[n] > 0x20 && name[n] < 0x7f ? name[n] : '?';
    shown[n] = '\0';
    return refuse(fault, shown, "no such field is known");
}

static const struct json_field *find(const char *name, const struct json_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    }
    return NULL;
}

int json_read_fields(const cJSON *object, const struct json_field *fields, size_t n,
                     struct json_fault *fault)
{
    const cJSON *v;

    cJSON_ArrayForEach(v, object)
    {
        const struct json_field *f = find(v->string, fields, n);

        if (f == NULL)
            return refuse_unknown(fault, v->string);
        if (named_before(object, v))
            return refuse(fault, f->name, "the field is given twice");
        if (read_field(f, v, fault) != 0)
            return -1;
    }
    return 0;
}
