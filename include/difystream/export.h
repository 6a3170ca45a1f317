/* SPDX-License-Identifier: Apache-2.0
 *
 * export.h: marks of a public declaration. Included by every public header; of no use by itself.
 */
#ifndef DIFYSTREAM_EXPORT_H
#define DIFYSTREAM_EXPORT_H

#if defined(__GNUC__)
#define DIFY_API __attribute__((visibility("default")))
#define DIFY_MUST_CHECK __attribute__((warn_unused_result))
#else
#define DIFY_API
#define DIFY_MUST_CHECK
#endif

/* Around all declarations of a header, for C++. */
#ifdef __cplusplus
#define DIFY_DECLARATIONS_BEGIN extern "C" {
#define DIFY_DECLARATIONS_END }
#else
#define DIFY_DECLARATIONS_BEGIN
#define DIFY_DECLARATIONS_END
#endif

#endif
