/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c: names of errors, and versions.
 */
#include "difystream/error.h"

#include "difystream/version.h"

#include <yyjson.h>

const char *dify_strerror(enum dify_err err)
{
    switch (err) {
    case DIFY_OK:
        return "no error";
    case DIFY_ERR_NOMEM:
        return "out of memory";
    case DIFY_ERR_ARGUMENT:
        return "invalid argument";
    case DIFY_ERR_TOO_LARGE:
        return "a ceiling was passed";
    case DIFY_ERR_JSON:
        return "not a JSON object";
    case DIFY_ERR_DEPTH:
        return "nested too deep";
    case DIFY_ERR_NUMBER:
        return "not a number";
    case DIFY_ERR_ABSENT:
        return "not there, or of another type";
    case DIFY_ERR_STATE:
        return "not possible in this state";
    case DIFY_ERR_WRITE:
        return "the output could not be written";
    }
    return "unknown error";
}

const char *dify_version(void)
{
    return DIFY_VERSION;
}

const char *dify_json_version(void)
{
    return "yyjson " YYJSON_VERSION_STRING;
}
