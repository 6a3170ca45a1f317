/* SPDX-License-Identifier: Apache-2.0
 *
 * inputs.h: the inputs of a run, put together from JSON, from texts as people write them, and from
 * files; held against the app's form.
 */
#ifndef DIFY_CLIENT_INPUTS_H
#define DIFY_CLIENT_INPUTS_H

#include "core/form.h"
#include "difystream/follow.h"

struct dify__field {
    char *name;
    char *text;
    size_t len;
};

/* A file among the inputs; `upload_id` is a stand-in until it is uploaded. */
struct dify__attachment {
    char *name; /* of the variable; NULL: the only one */
    bool or_only;
    struct dify_file file;
    char file_name[256]; /* the last part of its path */
    const char *kind;   /* dify__file_kind(); NULL until it is uploaded */
    char upload_id[64];
};

struct dify__inputs {
    const struct dify_allocator *allocator;
    char *json; /* the object that was given */
    size_t json_len;
    struct dify__field *fields;
    size_t field_count;
    struct dify__attachment *attachments;
    size_t attachment_count;
};

/* Copies what an order holds. JSON: its inputs are no object; ARGUMENT; NOMEM. Needs
 * dify__inputs_fini() in any case. */
DIFY_MUST_CHECK enum dify_err dify__inputs_init(struct dify__inputs *inputs,
                                                const struct dify_allocator *allocator,
                                                const struct dify_order *order);
void dify__inputs_fini(struct dify__inputs *inputs);

/* Appends the inputs as they are to be sent, a JSON object; `form` NULL: fields are texts. On
 * DIFY_ERR_ARGUMENT `message` says in English what does not go together (a file for a variable that
 * is none, or none said where there are several; a text that is no UTF-8). */
DIFY_MUST_CHECK enum dify_err dify__inputs_write(const struct dify__inputs *inputs,
                                                 const struct dify__form *form,
                                                 struct dify__buffer *out,
                                                 struct dify__buffer *message);

/* Holds `json` against the form. DIFY_ERR_ARGUMENT: `message` has Dify's words about all that is
 * missing or does not fit, with semicolons between. */
DIFY_MUST_CHECK enum dify_err dify__inputs_check(const struct dify__inputs *inputs,
                                                 const struct dify__form *form,
                                                 enum dify__form_rules rules,
                                                 struct dify_slice json,
                                                 struct dify__buffer *message);

/* Appends a sentence about inputs that the form does not have, which Dify drops without a word;
 * nothing where there are none. */
void dify__inputs_say_unknown(const struct dify__form *form, struct dify_slice json,
                              struct dify__buffer *text, enum dify_err *err);

/* Whether a run's inputs, as its detail has them (a JSON object with sys.* beside them), are these.
 * Files are equal where nothing says that they are not. `form` (may be NULL: unknown) tells which
 * inputs may be there though they were not sent. */
bool dify__inputs_match(const struct dify_allocator *allocator, const struct dify__form *form,
                        struct dify_slice sent, struct dify_slice detail);

#endif
