#include "base/err.h"

#define FIRST_INTERNAL_CODE 1000

const char *err_name(enum err err)
{
    switch (err) {
#define ERR(name, code, retriable, meaning)                                                                  \
    case ERR_##name:                                                                                         \
        return #name;
#include "base/err.def"
#undef ERR
    }
    return "UNKNOWN";
}

const char *err_meaning(enum err err)
{
    switch (err) {
#define ERR(name, code, retriable, meaning)                                                                  \
    case ERR_##name:                                                                                         \
        return meaning;
#include "base/err.def"
#undef ERR
    }
    return "not a known error";
}

bool err_is_retriable(enum err err)
{
    switch (err) {
#define ERR(name, code, retriable, meaning)                                                                  \
    case ERR_##name:                                                                                         \
        return (retriable) != 0;
#include "base/err.def"
#undef ERR
    }
    return false;
}

int16_t err_wire_code(enum err err)
{
    int code = (int)err;
    if (code < ERR_UNKNOWN_SERVER_ERROR || code >= FIRST_INTERNAL_CODE)
        return ERR_UNKNOWN_SERVER_ERROR;
    return (int16_t)code;
}
