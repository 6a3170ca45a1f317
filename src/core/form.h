/* SPDX-License-Identifier: Apache-2.0
 *
 * form.h: an app's input form (user_input_form of Dify's /parameters), and Dify's own rules for the
 * inputs of a run.
 *
 * Since release 1.13 a streaming run with a bad input is 300 s of silence; so what Dify would
 * refuse has to be known before it is sent, in Dify's own words. The rules are those that its
 * blocking answers show, and where these show nothing those of its public source. Files are looked
 * at by their shape only: whether an upload id exists, and of which type the file really is, is the
 * server's to say.
 */
#ifndef DIFY_CORE_FORM_H
#define DIFY_CORE_FORM_H

#include "core/memory.h"

#include <stdint.h>

enum dify__variable_type {
    DIFY__VARIABLE_TEXT,      /* text-input */
    DIFY__VARIABLE_PARAGRAPH, /* paragraph */
    DIFY__VARIABLE_SELECT,    /* select */
    DIFY__VARIABLE_NUMBER,    /* number */
    DIFY__VARIABLE_CHECKBOX,  /* checkbox */
    DIFY__VARIABLE_JSON,      /* json_object */
    DIFY__VARIABLE_FILE,      /* file */
    DIFY__VARIABLE_FILES,     /* file-list */
    DIFY__VARIABLE_UNKNOWN    /* of a newer Dify: anything goes */
};

struct dify__variable {
    struct dify_slice name, label;
    enum dify__variable_type type;
    bool is_required;
    uint64_t max_length;              /* characters, or files of a list; 0: no limit */
    struct dify_slice default_value;  /* JSON; absent where there is none */
    const struct dify_slice *options; /* of a select */
    size_t option_count;
    const struct dify_slice *file_types; /* allowed ones, of file and file-list; none: any */
    size_t file_type_count;
    const struct dify_slice *extensions; /* allowed ones of type "custom" */
    size_t extension_count;
    const struct dify_slice *methods; /* allowed transfer methods, but for images; none: any */
    size_t method_count;
};

struct dify__form;

/* Reads the answer of /parameters, or an object with its member user_input_form. The text is
 * copied. An unknown shape of a variable is kept as UNKNOWN. Free with dify__form_free().
 * DIFY_ERR_JSON, DIFY_ERR_DEPTH, NOMEM. */
DIFY_MUST_CHECK enum dify_err dify__form_new(const struct dify_allocator *allocator,
                                             struct dify_slice parameters,
                                             struct dify__form **form);
void dify__form_free(struct dify__form *form);

/* The variables in order; they live as long as the form. */
const struct dify__variable *dify__form_variables(const struct dify__form *form, size_t *count);

/* Which rules: the kinds of apps differ only in how closely the type of a file is looked at. All
 * releases that were recorded (1.12.1 to 1.16.1) agree. */
enum dify__form_rules {
    DIFY__FORM_WORKFLOW, /* workflow and advanced-chat */
    DIFY__FORM_CHAT      /* chat, agent-chat, completion */
};

/* Holds `inputs` (a JSON object) against the form as Dify does: the variables one by one in the
 * form's order, then what the `file` variables hold, then the `file-list` variables; the first
 * fault counts. If they pass, appends to `prepared` (may be NULL) the inputs as the run gets them,
 * a compact JSON object: declared variables only, in the form's order, absent ones null or their
 * default, values as Dify converts them ("12" of a number is 12, "yes" of a checkbox is true,
 * strings lose their NULs); files stay as they were given.
 *
 * If not, DIFY_ERR_ARGUMENT with Dify's message appended to `message` (may be NULL): "TagImage is
 * required in input form", and nothing else is appended. Where Dify would name a file that is known
 * to it only, its id or URL stands instead. DIFY_ERR_JSON, DIFY_ERR_DEPTH, NOMEM, TOO_LARGE. */
DIFY_MUST_CHECK enum dify_err dify__form_check(const struct dify__form *form,
                                               enum dify__form_rules rules,
                                               struct dify_slice inputs,
                                               struct dify__buffer *prepared,
                                               struct dify__buffer *message);

/* The same for whoever is to mend the inputs: all faults are named, with semicolons between. */
DIFY_MUST_CHECK enum dify_err dify__form_faults(const struct dify__form *form,
                                                enum dify__form_rules rules,
                                                struct dify_slice inputs,
                                                struct dify__buffer *message);

#endif
