/* SPDX-License-Identifier: Apache-2.0
 *
 * test_inputs.c: the inputs of a run, put together from JSON, from texts and from files, and held
 * against the app's form; and whether a run that was found has them.
 */
#include "../unit/support.h"

#include "client/inputs.h"

#define VARIABLE(type, name, rest) "{'" type "':{'variable':'" name "','label':'l'" rest "}}"
#define FORM                                                                                       \
    "{'user_input_form':[" VARIABLE("text-input", "text", "") "," VARIABLE(                        \
        "number", "num", "") "," VARIABLE("checkbox", "chk",                                       \
                                          "") "," VARIABLE("json_object", "obj",                   \
                                                           "") "," VARIABLE("select", "sel",       \
                                                                            ",'options':['a',"     \
                                                                            "'b']") "]}"
#define FILE_FORM                                                                                  \
    "{'user_input_form':[" VARIABLE("file", "pic", ",'allowed_file_types':['image','custom']") "]" \
                                                                                               "}"
#define LIST_FORM                                                                                  \
    "{'user_input_form':[" VARIABLE("file-list", "pics",                                           \
                                    ",'allowed_file_types':['image'],"                             \
                                    "'max_length':3") "]}"
#define TWO_FORM                                                                                   \
    "{'user_input_form':[" VARIABLE("file", "one", "") "," VARIABLE("file-list", "more", "") "]}"
#define MIXED_FORM                                                                                 \
    "{'user_input_form':[" VARIABLE("file", "one", "") "," VARIABLE(                               \
        "file-list", "more",                                                                       \
        ",'allowed_file_types':['image']") "," VARIABLE("number", "num", ",'required':true") "]}"
#define CUSTOM_FORM                                                                                \
    "{'user_input_form':[" VARIABLE("file", "one",                                                 \
                                    ",'allowed_file_types':['custom'],'allowed_file_extensions':[" \
                                    "'.pdf','TXT']") "," VARIABLE("file-list", "more",             \
                                                                  ",'allowed_file_types':['image'" \
                                                                  ",'custom'],'allowed_file_"      \
                                                                  "extensions':['.Pdf']") "]}"
#define DECK_FORM                                                                                  \
    "{'user_input_form':[" VARIABLE("file", "one",                                                 \
                                    ",'allowed_file_types':['custom'],'allowed_file_extensions':[" \
                                    "'.pptx']") "," VARIABLE("file", "any",                        \
                                                             ",'allowed_file_types':['document','" \
                                                             "custom'],'allowed_file_extensions':" \
                                                             "['.pptx']") "]}"
#define MISSING_FORM                                                                               \
    "{'user_input_form':[" VARIABLE("text-input", "a", ",'required':true") "," VARIABLE(           \
        "text-input", "b",                                                                         \
        ",'required':true,'default':'tea'") "," VARIABLE("number", "c", ",'required':true") "]}"

#define STAND_IN(n) "00000000-0000-4000-8000-0000000000" n
#define LOCAL(kind, id)                                                                            \
    "{'type':'" kind "','transfer_method':'local_file','upload_file_id':'" id "'}"

#define GIVEN 3

/* A field is `name`, `text`; a file `name` (of the variable, "" for none said), `file`. */
struct input_case {
    const char *name;
    const char *form; /* NULL: not known */
    const char *inputs;
    struct {
        const char *name, *text;
    } fields[GIVEN];
    struct {
        const char *name, *file;
        bool or_only;
    } files[GIVEN];
    const char *written; /* NULL: refused */
    const char *message; /* of a refusal, by writing or checking; NULL: none */
};

static long nothing(void *ctx, char *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    return 0;
}

/* What an order is made of; `json` holds its inputs with their quotes. */
struct made {
    struct dify_order order;
    struct dify_field fields[GIVEN];
    struct dify_attachment files[GIVEN];
    struct text json;
};

static void make(struct made *made, const struct input_case *given)
{
    memset(made, 0, sizeof *made);
    made->order.size = sizeof made->order;
    if (given->inputs != NULL) {
        text_add_json(&made->json, given->inputs);
        made->order.inputs = text_slice(&made->json);
    }
    made->order.fields = made->fields;
    for (size_t i = 0; i < GIVEN && given->fields[i].name != NULL; i++) {
        made->fields[i] =
            (struct dify_field){given->fields[i].name, slice_of(given->fields[i].text)};
        made->order.field_count++;
    }
    made->order.attachments = made->files;
    for (size_t i = 0; i < GIVEN && given->files[i].file != NULL; i++) {
        made->files[i].file = DIFY_FILE_INIT;
        made->files[i].file.read = nothing;
        made->files[i].file.name = given->files[i].file;
        made->files[i].or_only = given->files[i].or_only;
        if (*given->files[i].name != '\0')
            made->files[i].name = given->files[i].name;
        made->order.attachment_count++;
    }
}

static struct dify__form *read_form(const struct dify_allocator *allocator, const char *json)
{
    struct text text = {NULL, 0, 0};
    struct dify__form *form = NULL;
    if (json == NULL)
        return NULL;
    text_add_json(&text, json);
    assert_int_equal(dify__form_new(allocator, text_slice(&text), &form), DIFY_OK);
    text_fini(&text);
    return form;
}

static enum dify_err write_and_check(const struct dify__inputs *inputs,
                                     const struct dify__form *form, struct dify__buffer *out,
                                     struct dify__buffer *message)
{
    enum dify_err err = dify__inputs_write(inputs, form, out, message);
    if (err == DIFY_OK && form != NULL)
        err =
            dify__inputs_check(inputs, form, DIFY__FORM_WORKFLOW, dify__buffer_slice(out), message);
    return err;
}

static void run_case(void **state)
{
    const struct input_case *given = *state;
    struct meter meter;
    struct made made;
    struct dify__inputs inputs;
    struct text written = {NULL, 0, 0};
    meter_init(&meter);
    make(&made, given);
    struct dify__form *form = read_form(&meter.allocator, given->form);
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &made.order), DIFY_OK);
    text_fini(&made.json); /* it was copied */
    memset(made.fields, 0, sizeof made.fields);
    struct dify__buffer out = {.allocator = &meter.allocator, .max = SIZE_MAX / 2}, message = out;
    enum dify_err err = write_and_check(&inputs, form, &out, &message);
    assert_int_equal(err, given->message == NULL ? DIFY_OK : DIFY_ERR_ARGUMENT);
    if (given->written != NULL) {
        text_add_json(&written, given->written);
        assert_bytes(dify__buffer_slice(&out), text_slice(&written));
        text_fini(&written);
    }
    if (given->message != NULL)
        assert_slice(dify__buffer_slice(&message), given->message);
    dify__buffer_fini(&out);
    dify__buffer_fini(&message);
    dify__inputs_fini(&inputs);
    dify__form_free(form);
    assert_meter_empty(&meter);
}

static const struct input_case cases[] = {
    {.name = "nothing", .written = "{}"},
    {.name = "JSON as it is",
     .inputs = "{ 'a' : 1.50, 'b': [ 1e400 ] }",
     .written = "{'a':1.50,'b':[ 1e400 ]}"},
    {.name = "texts without a form",
     .fields = {{"n", "12"}, {"q", "say \"hi\"\n"}},
     .written = "{'n':'12','q':'say \\'hi\\'\\n'}"},
    {.name = "texts by type",
     .form = FORM,
     .fields = {{"text", "12"}, {"num", "1.50"}, {"obj", "{\"a\": 1}"}},
     .written = "{'text':'12','num':1.50,'obj':{'a': 1}}"},
    {.name = "checkboxes: yes",
     .form = FORM,
     .fields = {{"chk", "Yes"}},
     .written = "{'chk':true}"},
    {.name = "checkboxes: no",
     .form = FORM,
     .fields = {{"chk", "OFF"}},
     .written = "{'chk':false}"},
    {.name = "what is no number stays a text, for Dify's words",
     .form = FORM,
     .fields = {{"num", "many"}},
     .written = "{'num':'many'}",
     .message = "num in input form must be a valid number"},
    {.name = "JSON that is no object stays a text",
     .form = FORM,
     .fields = {{"obj", "[1]"}},
     .written = "{'obj':'[1]'}",
     .message = "obj in input form must be a dict"},
    {.name = "not an option",
     .form = FORM,
     .fields = {{"sel", "c"}},
     .written = "{'sel':'c'}",
     .message = "sel in input form must be one of the following: ['a', 'b']"},
    {.name = "fields over JSON, the last of a name over the first",
     .inputs = "{'a':1,'b':2}",
     .fields = {{"a", "x"}, {"c", "y"}, {"a", "z"}},
     .written = "{'b':2,'c':'y','a':'z'}"},
    {.name = "a file's address",
     .form = FILE_FORM,
     .fields = {{"pic", "HTTPS://h/tea.png"}},
     .written =
         "{'pic':{'type':'image','transfer_method':'remote_url','url':'HTTPS://h/tea.png'}}"},
    {.name = "an upload's id",
     .form = FILE_FORM,
     .fields = {{"pic", "0d9f7d4e-0000-4000-8000-00000000f11e"}},
     .written = "{'pic':" LOCAL("custom", "0d9f7d4e-0000-4000-8000-00000000f11e") "}"},
    {.name = "a file as JSON",
     .form = FILE_FORM,
     .fields = {{"pic", "{\"transfer_method\":\"remote_url\",\"url\":\"http://h/\",\"type\":"
                        "\"image\"}"}},
     .written = "{'pic':{'transfer_method':'remote_url','url':'http://h/','type':'image'}}"},
    {.name = "what goes on behind a file's JSON is no input of its own",
     .form = FILE_FORM,
     .fields = {{"pic", "{},\"x\":[]"}},
     .written = "{'pic':{'type':'custom','transfer_method':'local_file','upload_file_id':"
                "'{},\\'x\\':[]'}}",
     .message = "Invalid upload file id format"},
    {.name = "lone surrogates",
     .inputs = "{'a':['\\ud800', 1 ],'b':[ 1 ]}",
     .written = "{'a':['\\uD800',1],'b':[ 1 ]}"},
    {.name = "a text that is none",
     .fields = {{"a", "b\xFF"}},
     .message = "a is no UTF-8; what is no text is given as a file"},
    {.name = "a name that is none",
     .fields = {{"\xC3", "b"}},
     .message = "the name of an input is no UTF-8"},
    {.name = "a file for a name that is none",
     .files = {{"\xC3", "tea.png"}},
     .message = "the name of an input is no UTF-8"},
    {.name = "an address for a list",
     .form = LIST_FORM,
     .fields = {{"pics", "http://h/tea.png"}},
     .written = "{'pics':[{'type':'image','transfer_method':'remote_url','url':"
                "'http://h/tea.png'}]}"},
    {.name = "the only variable of a file",
     .form = FILE_FORM,
     .files = {{"", "tea.png"}},
     .written = "{'pic':" LOCAL("image", STAND_IN("00")) "}"},
    {.name = "several files of a list",
     .form = LIST_FORM,
     .files = {{"", "a.png"}, {"pics", "b.jpg"}, {"", "c.gif"}},
     .written = "{'pics':[" LOCAL("image", STAND_IN("00")) "," LOCAL(
         "image", STAND_IN("01")) "," LOCAL("image", STAND_IN("02")) "]}"},
    {.name = "files of two variables, mixed",
     .form = TWO_FORM,
     .files = {{"more", "a.png"}, {"one", "b.txt"}, {"more", "c.xyz"}},
     .written = "{'more':[" LOCAL("image", STAND_IN("00")) "," LOCAL(
         "custom", STAND_IN("02")) "],'one':" LOCAL("document", STAND_IN("01")) "}"},
    {.name = "a file over JSON and a field",
     .form = FILE_FORM,
     .inputs = "{'pic':null,'x':1}",
     .fields = {{"pic", "http://h/"}},
     .files = {{"", "tea.png"}},
     .written = "{'x':1,'pic':" LOCAL("image", STAND_IN("00")) "}"},
    {.name = "files without a form",
     .files = {{"v", "tea.png"}, {"v", "b.txt"}},
     .written = "{'v':[" LOCAL("image", STAND_IN("00")) "," LOCAL("document", STAND_IN("01")) "]}"},
    {.name = "no form, and no variable said",
     .files = {{"", "tea.png"}},
     .message = "the app's form is not known"},
    {.name = "which variable?",
     .form = TWO_FORM,
     .files = {{"", "tea.png"}},
     .message = "it is not said which input a file is for; files are taken by: one, more"},
    {.name = "no files here",
     .form = FORM,
     .files = {{"", "tea.png"}},
     .message = "the app takes no files"},
    {.name = "not a variable of files",
     .form = FORM,
     .files = {{"text", "tea.png"}},
     .message = "text takes no file; the app takes no files"},
    {.name = "no such variable",
     .form = FILE_FORM,
     .files = {{"picture", "tea.png"}},
     .message = "picture is no input of the app; files are taken by: pic"},
    {.name = "no such variable, or the only one",
     .form = FILE_FORM,
     .inputs = "{'pic':null,'picture':1}",
     .files = {{"picture", "tea.png", true}},
     .written = "{'picture':1,'pic':" LOCAL("image", STAND_IN("00")) "}"},
    {.name = "its variable, though the only one would do",
     .form = TWO_FORM,
     .files = {{"more", "tea.png", true}, {"one", "b.png", true}},
     .written =
         "{'more':[" LOCAL("image", STAND_IN("00")) "],'one':" LOCAL("image", STAND_IN("01")) "}"},
    {.name = "no such variable, and no only one",
     .form = TWO_FORM,
     .files = {{"picture", "tea.png", true}},
     .message = "picture is no input of the app; files are taken by: one, more"},
    {.name = "a text's variable is no place for a file, though there is one",
     .form = "{'user_input_form':[" VARIABLE("text-input", "text", "") "," VARIABLE("file", "pic",
                                                                                    "") "]}",
     .files = {{"text", "tea.png", true}},
     .message = "text takes no file; files are taken by: pic"},
    {.name = "or the only one, without a form",
     .files = {{"picture", "tea.png", true}},
     .written = "{'picture':[" LOCAL("image", STAND_IN("00")) "]}"},
    {.name = "or the only one, where no files are taken",
     .form = FORM,
     .files = {{"picture", "tea.png", true}},
     .message = "picture is no input of the app; the app takes no files"},
    {.name = "two for one",
     .form = FILE_FORM,
     .files = {{"pic", "a.png"}, {"", "b.png"}},
     .message = "pic takes one file, and more than one was given"},
    {.name = "a file of the wrong kind is called by its name",
     .form = LIST_FORM,
     .files = {{"", "a.png"}, {"", "dir/notes.txt"}},
     .message = "File validation failed for file: notes.txt"},
    {.name = "an address with a query and a dot in it",
     .form = FILE_FORM,
     .fields = {{"pic", "http://h.io/a.b/tea.png?sign=x.y/z"}},
     .written = "{'pic':{'type':'image','transfer_method':'remote_url','url':"
                "'http://h.io/a.b/tea.png?sign=x.y/z'}}"},
    {.name = "an address that says nothing is of the kind that is taken",
     .form = LIST_FORM,
     .fields = {{"pics", "http://h.png"}},
     .written = "{'pics':[{'type':'image','transfer_method':'remote_url','url':"
                "'http://h.png'}]}"},
    {.name = "an upload's id where one kind is taken",
     .form = LIST_FORM,
     .fields = {{"pics", "0d9f7d4e-0000-4000-8000-00000000f11e"}},
     .written = "{'pics':[" LOCAL("image", "0d9f7d4e-0000-4000-8000-00000000f11e") "]}"},
    {.name = "a single file is called what it is, and let through by its extension",
     .form = CUSTOM_FORM,
     .files = {{"one", "a.PDF"}},
     .written = "{'one':" LOCAL("document", STAND_IN("00")) "}"},
    {.name = "one that is a document only for some is custom then",
     .form = DECK_FORM,
     .files = {{"one", "a.pptx"}},
     .written = "{'one':" LOCAL("custom", STAND_IN("00")) "}"},
    {.name = "but not where documents are taken",
     .form = DECK_FORM,
     .files = {{"any", "a.pptx"}},
     .written = "{'any':" LOCAL("document", STAND_IN("00")) "}"},
    {.name = "its address",
     .form = DECK_FORM,
     .fields = {{"one", "http://h.io/a.PPTX"}},
     .written = "{'one':{'type':'custom','transfer_method':'remote_url','url':"
                "'http://h.io/a.PPTX'}}"},
    {.name = "its extension is not taken",
     .form = DECK_FORM,
     .files = {{"one", "a.epub"}},
     .message = "File validation failed for file: a.epub"},
    {.name = "those of a list are custom then",
     .form = CUSTOM_FORM,
     .files = {{"more", "a.pdf"}, {"more", "b.png"}},
     .written =
         "{'more':[" LOCAL("custom", STAND_IN("00")) "," LOCAL("image", STAND_IN("01")) "]}"},
    {.name = "extensions that are not taken",
     .form = CUSTOM_FORM,
     .files = {{"one", "a.csv"}, {"more", "b.mp3"}, {"more", "c"}},
     .message = "File validation failed for file: a.csv; File validation failed for file: b.mp3"},
    {.name = "one is missing",
     .form = MISSING_FORM,
     .inputs = "{'b':'x','c':1}",
     .message = "a is required in input form"},
    {.name = "all that are missing",
     .form = MISSING_FORM,
     .inputs = "{'a':null}",
     .message = "a is required in input form; b is required in input form; c is required in input "
                "form"},
    {.name = "all that do not fit, with what is missing",
     .form = MISSING_FORM,
     .inputs = "{'b':1,'c':'many'}",
     .message =
         "a is required in input form; (type 'text-input') b in input form must be a string; "
         "c in input form must be a valid number"},
    {.name = "several files of the wrong kind, and one that is none",
     .form = MIXED_FORM,
     .inputs = "{'one':'x'}",
     .files = {{"more", "a.txt"}, {"more", "b.png"}, {"more", "c.mp3"}},
     .message = "one in input form must be a file; num is required in input form; File validation "
                "failed for file: a.txt; File validation failed for file: c.mp3"},
};

/* ---- files whose content has told what they are ------------------------------------------------
 */

/* `kind` as it is known after the upload. */
static void assert_uploaded(const char *form_json, const char *name, const char *kind,
                            const char *message)
{
    struct dify_attachment file = {.file = DIFY_FILE_INIT};
    struct dify_order order = {.size = sizeof order, .attachments = &file, .attachment_count = 1};
    struct dify__buffer out = {.allocator = dify__allocator(NULL), .max = SIZE_MAX / 2}, said = out;
    struct dify__form *form = read_form(NULL, form_json);
    struct dify__inputs inputs;
    file.file.read = nothing;
    file.file.name = name;
    assert_int_equal(dify__inputs_init(&inputs, dify__allocator(NULL), &order), DIFY_OK);
    inputs.attachments[0].kind = kind;
    assert_int_equal(write_and_check(&inputs, form, &out, &said),
                     message != NULL ? DIFY_ERR_ARGUMENT : DIFY_OK);
    assert_slice(dify__buffer_slice(&said), message != NULL ? message : "");
    dify__inputs_fini(&inputs);
    dify__buffer_fini(&out);
    dify__buffer_fini(&said);
    dify__form_free(form);
}

static void test_uploaded(void **state)
{
    char name[160];
    (void)state;
    assert_uploaded(LIST_FORM, "a.zip", NULL, NULL); /* it may be a picture */
    assert_uploaded(LIST_FORM, "a.zip", "image", NULL);
    assert_uploaded(LIST_FORM, "a.zip", "custom", "File validation failed for file: a.zip");
    assert_uploaded("{'user_input_form':[" VARIABLE("file", "one", "") "]}", "a.zip", "custom",
                    NULL);
    memset(name, 'n', sizeof name);
    memcpy(name + sizeof name - 5, ".pdf", 5);
    assert_uploaded("{'user_input_form':[" VARIABLE(
                        "file", "one",
                        ",'allowed_file_types':['custom'],'allowed_file_extensions':['.pdf']") "]}",
                    name, "document", NULL);
}

/* ---- what is no order --------------------------------------------------------------------------
 */

static void test_refused(void **state)
{
    struct meter meter;
    struct dify__inputs inputs;
    struct dify_field nameless = {"", DIFY_SLICE("x")};
    struct dify_attachment many[DIFY_FOLLOW_FILES + 1];
    struct dify_order order = {.size = sizeof order, .inputs = DIFY_SLICE("[]")};
    (void)state;
    meter_init(&meter);
    memset(many, 0, sizeof many);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i].file = DIFY_FILE_INIT;
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &order), DIFY_ERR_JSON);
    dify__inputs_fini(&inputs);
    order.inputs = (struct dify_slice){NULL, 0};
    order.fields = &nameless;
    order.field_count = 1;
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &order), DIFY_ERR_ARGUMENT);
    dify__inputs_fini(&inputs);
    order.field_count = 0;
    order.attachments = many;
    order.attachment_count = DIFY_FOLLOW_FILES + 1;
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &order), DIFY_ERR_ARGUMENT);
    dify__inputs_fini(&inputs);
    order.attachment_count = DIFY_FOLLOW_FILES;
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &order), DIFY_OK);
    assert_string_equal(inputs.attachments[99].upload_id, STAND_IN("99"));
    dify__inputs_fini(&inputs);
    many[3].file.size = 0;
    assert_int_equal(dify__inputs_init(&inputs, &meter.allocator, &order), DIFY_ERR_ARGUMENT);
    dify__inputs_fini(&inputs);
    assert_meter_empty(&meter);
}

/* ---- comparing ---------------------------------------------------------------------------------
 */

struct match_case {
    const char *name;
    const char *sent, *had;
    bool is_match;
};

static void run_match(void **state)
{
    const struct match_case *match = *state;
    struct meter meter;
    struct text sent = {NULL, 0, 0}, had = {NULL, 0, 0};
    meter_init(&meter);
    text_add_json(&sent, match->sent);
    text_add_json(&had, match->had);
    struct dify__form *form;
    assert_int_equal(
        dify__form_new(&meter.allocator,
                       DIFY_SLICE("{\"user_input_form\":[{\"text-input\":{\"variable\":\"o\","
                                  "\"required\":false,\"default\":\"\"}},{\"number\":{\"variable\":"
                                  "\"d\",\"required\":false,\"default\":5}}]}"),
                       &form),
        DIFY_OK);
    assert_int_equal(
        dify__inputs_match(&meter.allocator, form, text_slice(&sent), text_slice(&had)),
        match->is_match);
    dify__form_free(form);
    text_fini(&sent);
    text_fini(&had);
    assert_meter_empty(&meter);
}

#define SYSTEM "'sys.user_id':'u','sys.files':[]"

static const struct match_case matches[] = {
    {"same", "{'a':'tea','b':[1,{'c':null}]}", "{'b':[1,{'c':null}],'a':'tea'," SYSTEM "}", true},
    {"another text", "{'a':'tea'}", "{'a':'Tea'," SYSTEM "}", false},
    {"another type", "{'a':'true'}", "{'a':['true']," SYSTEM "}", false},
    {"a number from a text", "{'a':'12'}", "{'a':12.0," SYSTEM "}", true},
    {"another number", "{'a':'12'}", "{'a':13," SYSTEM "}", false},
    {"a checkbox from a text", "{'a':'yes'}", "{'a':true," SYSTEM "}", true},
    {"a checkbox", "{'a':false}", "{'a':true," SYSTEM "}", false},
    {"what the form does not declare", "{'a':1,'z':2}", "{'a':1," SYSTEM "}", true},
    {"an input that was not sent", "{'a':1}", "{'a':1,'o':'x'," SYSTEM "}", false},
    {"an optional one that is empty", "{'a':1}", "{'a':1,'o':null,'d':null," SYSTEM "}", true},
    {"one that has its default", "{'a':1}", "{'a':1,'o':'','d':5," SYSTEM "}", true},
    {"one that nobody knows", "{'a':1}", "{'a':1,'n':5," SYSTEM "}", true},
    {"a file is a file", "{'f':{'transfer_method':'local_file','upload_file_id':'x'}}",
     "{'f':{'dify_model_identity':'__dify__file__','id':'y'}," SYSTEM "}", true},
    {"a list of files is one", "{'f':[{'transfer_method':'local_file','upload_file_id':'x'}]}",
     "{'f':[{'dify_model_identity':'__dify__file__','id':'y'}]," SYSTEM "}", true},
    {"the file that was uploaded", "{'f':{'transfer_method':'local_file','upload_file_id':'x'}}",
     "{'f':{'dify_model_identity':'__dify__file__','related_id':'x'}," SYSTEM "}", true},
    {"another upload", "{'f':{'transfer_method':'local_file','upload_file_id':'x'}}",
     "{'f':{'dify_model_identity':'__dify__file__','related_id':'y'}," SYSTEM "}", false},
    {"another address", "{'f':{'transfer_method':'remote_url','url':'x'}}",
     "{'f':{'dify_model_identity':'__dify__file__','related_id':null,'remote_url':'y'}," SYSTEM "}",
     false},
    {"the same address", "{'f':{'transfer_method':'remote_url','url':'x'}}",
     "{'f':{'dify_model_identity':'__dify__file__','related_id':null,'remote_url':'x'}," SYSTEM "}",
     true},
    {"another upload in a list",
     "{'f':[{'transfer_method':'local_file','upload_file_id':'x'},"
     "{'transfer_method':'local_file','upload_file_id':'y'}]}",
     "{'f':[{'dify_model_identity':'__dify__file__','related_id':'x'},"
     "{'dify_model_identity':'__dify__file__','related_id':'z'}]," SYSTEM "}",
     false},
    {"fewer files",
     "{'f':[{'transfer_method':'local_file','upload_file_id':'x'},"
     "{'transfer_method':'local_file','upload_file_id':'y'}]}",
     "{'f':[{'dify_model_identity':'__dify__file__','related_id':'x'}]," SYSTEM "}", false},
    {"a file is no text", "{'f':{'transfer_method':'local_file','upload_file_id':'x'}}",
     "{'f':'x'," SYSTEM "}", false},
    {"nothing fits nothing", "{}", "{" SYSTEM "}", true},
    {"no object", "{}", "[]", false},
    {"cut short", "{'a':1}", "{'a':", false},
};

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uploaded),
                                       cmocka_unit_test(test_refused)};
    int failed = run_cases("inputs", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    failed += run_cases("inputs-match", matches, COUNT_OF(matches), sizeof matches[0], run_match);
    return failed + cmocka_run_group_tests_name("inputs-refused", tests, NULL, NULL);
}
