/* SPDX-License-Identifier: Apache-2.0
 *
 * test_form.c: reading input forms, and Dify's rules for inputs: what recorded servers answered
 * (ids aside), and by its source what no recording shows.
 */
#include "support.h"

#include "core/form.h"

/* The forms of recorded apps. */
#define MINIMAL                                                                                    \
    "{'user_input_form':[{'text-input':{'variable':'query','label':'query','type':'text-input',"   \
    "'required':true,'max_length':256,'options':[]}}],'file_upload':{'enabled':false}}"
#define FILES                                                                                      \
    "'allowed_file_types':['image','document'],'allowed_file_extensions':[],"                      \
    "'allowed_file_upload_methods':['local_file','remote_url']"
#define ECHO_ALL                                                                                   \
    "{'opening_statement':'','user_input_form':["                                                  \
    "{'text-input':{'variable':'text','label':'text','type':'text-input','required':true,"         \
    "'max_length':48,'options':[]}},"                                                              \
    "{'paragraph':{'variable':'para','label':'para','type':'paragraph','required':false,"          \
    "'max_length':20000,'options':[]}},"                                                           \
    "{'number':{'variable':'num','label':'num','type':'number','required':false,"                  \
    "'max_length':null,'options':[]}},"                                                            \
    "{'select':{'variable':'sel','label':'sel','type':'select','required':false,"                  \
    "'max_length':null,'options':['a','b','c']}},"                                                 \
    "{'checkbox':{'variable':'chk','label':'chk','type':'checkbox','required':false,"              \
    "'max_length':null,'options':[]}},"                                                            \
    "{'json_object':{'variable':'obj','label':'obj','type':'json_object','required':false,"        \
    "'max_length':null,'options':[]}},"                                                            \
    "{'file':{'variable':'f','label':'f','type':'file','required':false,'max_length':null,"        \
    "'options':[]," FILES "}},"                                                                    \
    "{'file-list':{'variable':'fl','label':'fl','type':'file-list','required':false,"              \
    "'max_length':5,'options':[]," FILES "}}]}"
#define LABEL                                                                                      \
    "{'user_input_form':[{'file-list':{'variable':'TagImage','label':'TagImage',"                  \
    "'type':'file-list','required':true,'max_length':5,'options':[],"                              \
    "'allowed_file_types':['image'],'allowed_file_extensions':[],"                                 \
    "'allowed_file_upload_methods':['local_file','remote_url']}},"                                 \
    "{'text-input':{'variable':'Foodtype','required':false,'max_length':256,'options':[]}}]}"
#define COMPLETION                                                                                 \
    "{'user_input_form':[{'paragraph':{'default':'','label':'query','required':true,"              \
    "'variable':'query'}}]}"

/* Made for this test. */
#define ONE(TYPE, REST) "{'user_input_form':[{'" TYPE "':{'variable':'v'" REST "}}]}"
#define REQUIRED ",'required':true"
#define UUID "'00000000-0000-4000-8000-000000000000'"
#define LOCAL "{'type':'image','transfer_method':'local_file','upload_file_id':" UUID "}"
#define REMOTE "{'type':'image','transfer_method':'remote_url','url':'http://h/png'}"

/* The prepared inputs of ECHO_ALL, but for the text. */
#define REST_NULL "'para':null,'num':null,'sel':null,'chk':null,'obj':null,'f':null,'fl':null}"

struct form_case {
    const char *name;
    const char *form, *inputs;
    const char *message;  /* NULL: they pass */
    const char *prepared; /* NULL: not looked at */
};

static const struct form_case recorded[] = {
    {"errors/missing-input", MINIMAL, "{}", "query is required in input form", NULL},
    {"errors/input-wrong-type", MINIMAL, "{'query':5}",
     "(type 'text-input') query in input form must be a string", NULL},
    {"errors/number-not-a-number", ECHO_ALL, "{'text':'t','num':'abc'}",
     "num in input form must be a valid number", NULL},
    {"errors/select-not-an-option", ECHO_ALL, "{'text':'t','sel':'zzz'}",
     "sel in input form must be one of the following: [`a`, `b`, `c`]", NULL},
    {"errors/file-not-list", LABEL,
     "{'TagImage':{'type':'image','transfer_method':'local_file','upload_file_id':'x'}}",
     "TagImage in input form must be a list of files", NULL},
    {"errors/file-bad-method", LABEL,
     "{'TagImage':[{'type':'image','transfer_method':'teleport','upload_file_id':'x'}]}",
     "`teleport` is not a valid FileTransferMethod", NULL},
    {"errors/file-no-id", LABEL, "{'TagImage':[{'type':'image','transfer_method':'local_file'}]}",
     "Invalid upload file id", NULL},
    {"errors/bad-file-id: for the server to say", LABEL, "{'TagImage':[" LOCAL "]}", NULL,
     "{'TagImage':[" LOCAL "],'Foodtype':null}"},
    {"errors/missing-input (file-list)", LABEL, "{'Foodtype':'x'}",
     "TagImage is required in input form", NULL},
    {"errors/nul-input", MINIMAL, "{'query':'a\\u0000b'}", NULL, "{'query':'ab'}"},
    {"basic-completion/missing-input", COMPLETION, "{}", "query is required in input form", NULL},
    {"basic-completion/blocking", COMPLETION, "{'query':'write a poem'}", NULL,
     "{'query':'write a poem'}"},
    {"echo-all/minimal", ECHO_ALL, "{'text':'only'}", NULL, "{'text':'only'," REST_NULL},
    {"echo-all/int-number", ECHO_ALL, "{'text':'t','num':7}", NULL,
     "{'text':'t','para':null,'num':7,'sel':null,'chk':null,'obj':null,'f':null,'fl':null}"},
    {"echo-all/string-number", ECHO_ALL, "{'text':'t','num':'12'}", NULL,
     "{'text':'t','para':null,'num':12,'sel':null,'chk':null,'obj':null,'f':null,'fl':null}"},
    {"echo-all/null-file", ECHO_ALL, "{'text':'t','f':null,'fl':[]}", NULL,
     "{'text':'t','para':null,'num':null,'sel':null,'chk':null,'obj':null,'f':null,'fl':[]}"},
    {"echo-all/remote-url", ECHO_ALL, "{'text':'t','f':" REMOTE "}", NULL,
     "{'text':'t','para':null,'num':null,'sel':null,'chk':null,'obj':null,'f':" REMOTE
     ",'fl':null}"},
    {"echo-all/wrong-type", ECHO_ALL,
     "{'text':'t','fl':[{'type':'video','transfer_method':'local_file','upload_file_id':" UUID
     "}]}",
     "File validation failed for file: 00000000-0000-4000-8000-000000000000", NULL},
    {"echo-all/full", ECHO_ALL,
     "{'text':'\xE7\x9F\xAD','para':'line1\\nline2','num':3.5,'sel':'b','chk':true,"
     "'obj':{'a':[1, 2],'b':'\\u4e2d'},'f':" LOCAL ",'fl':[" LOCAL
     ",{'type':'document','transfer_method':'local_file','upload_file_id':" UUID "}]}",
     NULL,
     "{'text':'\xE7\x9F\xAD','para':'line1\\nline2','num':3.5,'sel':'b','chk':true,"
     "'obj':{'a':[1,2],'b':'\xE4\xB8\xAD'},'f':" LOCAL ",'fl':[" LOCAL
     ",{'type':'document','transfer_method':'local_file','upload_file_id':" UUID "}]}"},
};

static const struct form_case by_rule[] = {
    /* which fault counts */
    {"the first in the form's order", ECHO_ALL, "{'sel':'zzz','num':'abc','text':'t'}",
     "num in input form must be a valid number", NULL},
    {"values before files", ECHO_ALL, "{'text':'t','f':{},'fl':5}",
     "fl in input form must be a list of files", NULL},
    {"single files before lists",
     "{'user_input_form':[{'file-list':{'variable':'l'}},{'file':{'variable':'f'}}]}",
     "{'l':[{'transfer_method':'teleport'}],'f':{}}", "transfer_method is required in file mapping",
     NULL},
    {"unknown ones are dropped, the form's order holds", MINIMAL, "{'x':[{}],'query':'q','y':5}",
     NULL, "{'query':'q'}"},
    {"the last of two counts", MINIMAL, "{'query':5,'query':'q'}", NULL, "{'query':'q'}"},
    {"the last of two counts, if null too", MINIMAL, "{'query':'q','query':null}",
     "query is required in input form", NULL},
    {"null is missing", MINIMAL, "{'query':null}", "query is required in input form", NULL},
    {"empty is not", MINIMAL, "{'query':''}", NULL, "{'query':''}"},
    {"no form", "{'user_input_form':[]}", "{'a':1}", NULL, "{}"},
    {"not a word of a form", "{}", "{'a':1}", NULL, "{}"},

    /* texts */
    {"paragraph no string", ONE("paragraph", ""), "{'v':{}}",
     "(type 'paragraph') v in input form must be a string", NULL},
    {"select no string", ONE("select", ",'options':['1']"), "{'v':1}",
     "(type 'select') v in input form must be a string", NULL},
    {"at the limit, in characters", ONE("text-input", ",'max_length':3"),
     "{'v':'\xE7\x9F\xAD\\ud83d\\ude00e'}", NULL,
     "{'v':'\xE7\x9F\xAD\xF0\x9F\x98\x80"
     "e'}"},
    {"one past it", ONE("paragraph", ",'max_length':3"), "{'v':'\xE7\x9F\xAD\\ud83d\\ude00ef'}",
     "v in input form must be less than 3 characters", NULL},
    {"NULs count", ONE("text-input", ",'max_length':3"), "{'v':'ab\\u0000c'}",
     "v in input form must be less than 3 characters", NULL},
    {"no limit", ONE("text-input", ",'max_length':0"), "{'v':'abc'}", NULL, "{'v':'abc'}"},
    {"options as Python prints them",
     ONE("select", ",'options':['it\\u0027s','say \\u0022\\u0022','a\\\\b\\n','\xC3\xA9\\u2028']"),
     "{'v':''}",
     "v in input form must be one of the following: [\"it`s\", `say \"\"`, `a\\\\b\\n`, "
     "`\xC3\xA9\\u2028`]",
     NULL},
    {"options are strings", ONE("select", ",'options':[1,'a',null]"), "{'v':''}",
     "v in input form must be one of the following: [`a`]", NULL},
    {"no options", ONE("select", ""), "{'v':'a'}",
     "v in input form must be one of the following: []", NULL},

    /* defaults */
    {"a default", ONE("text-input", ",'default':'d'"), "{}", NULL, "{'v':'d'}"},
    {"a default is no cure for required", ONE("text-input", REQUIRED ",'default':'d'"), "{}",
     "v is required in input form", NULL},
    {"a default is converted", ONE("number", ",'default':'07'"), "{'v':null}", NULL, "{'v':7}"},
    {"an empty one of a number", ONE("number", ",'default':''"), "{}", NULL, "{'v':null}"},
    {"a default too long", ONE("text-input", ",'max_length':1,'default':'dd'"), "{}",
     "v in input form must be less than 1 characters", NULL},
    {"null is none", ONE("number", ",'default':null"), "{}", NULL, "{'v':null}"},
    {"false is one", ONE("checkbox", ",'default':false"), "{}", NULL, "{'v':false}"},

    /* numbers */
    {"a float's text", ONE("number", ""), "{'v':' 1.50 '}", NULL, "{'v':1.5}"},
    {"blank", ONE("number", REQUIRED), "{'v':' \\t'}", NULL, "{'v':null}"},
    {"booleans are numbers", ONE("number", ""), "{'v':true}", NULL, "{'v':true}"},
    {"large ones stay", ONE("number", ""), "{'v':123456789012345678901234567890}", NULL,
     "{'v':123456789012345678901234567890}"},
    {"a list", ONE("number", ""), "{'v':[1,'a',null]}",
     "expected value type int, float or str, got <class 'list'>, value: [1, `a`, None]", NULL},
    {"an object", ONE("number", ""), "{'v':{'k':true}}",
     "expected value type int, float or str, got <class 'dict'>, value: {`k`: True}", NULL},

    /* checkboxes */
    {"yes", ONE("checkbox", ""), "{'v':' Yes '}", NULL, "{'v':true}"},
    {"1", ONE("checkbox", ""), "{'v':1}", NULL, "{'v':true}"},
    {"1.0", ONE("checkbox", ""), "{'v':1.0}", NULL, "{'v':true}"},
    {"OFF", ONE("checkbox", ""), "{'v':'OFF'}", NULL, "{'v':false}"},
    {"0", ONE("checkbox", ""), "{'v':0}", NULL, "{'v':false}"},
    {"no word of it", ONE("checkbox", ""), "{'v':'onn'}", NULL, "{'v':'onn'}"},
    {"empty", ONE("checkbox", ""), "{'v':''}", NULL, "{'v':''}"},
    {"2", ONE("checkbox", ""), "{'v':2}", NULL, "{'v':2}"},
    {"objects",
     "{'user_input_form':[{'checkbox':{'variable':'a'}},{'checkbox':{'variable':'b'}},"
     "{'checkbox':{'variable':'c'}}]}",
     "{'a':{},'b':[{}],'c':{'d':1}}", "Invalid input type for [`a`, `c`]", NULL},
    {"lists of objects", ONE("checkbox", ""), "{'v':[1,{}]}", "Invalid input type for [`v`]", NULL},
    {"lists", ONE("checkbox", ""), "{'v':[1]}", NULL, "{'v':[1]}"},

    /* json_object */
    {"no object", ONE("json_object", ""), "{'v':[1]}", "v in input form must be a dict", NULL},
    {"a text of one", ONE("json_object", ""), "{'v':'{}'}", "v in input form must be a dict", NULL},
    {"nothing, in other words", ONE("json_object", REQUIRED), "{'v':''}", NULL, "{'v':''}"},
    {"an empty list", ONE("json_object", REQUIRED), "{'v':[]}", NULL, "{'v':[]}"},
    {"false", ONE("json_object", ""), "{'v':false}", NULL, "{'v':false}"},
    {"nought", ONE("json_object", ""), "{'v':0.0}", NULL, "{'v':0.0}"},
    {"true", ONE("json_object", ""), "{'v':true}", "v in input form must be a dict", NULL},

    /* files */
    {"no file", ONE("file", ""), "{'v':'x'}", "v in input form must be a file", NULL},
    {"empty text", ONE("file", ""), "{'v':''}", NULL, "{'v':null}"},
    {"empty text where required", ONE("file", REQUIRED), "{'v':''}",
     "v in input form must be a file", NULL},
    {"empty text of a list", ONE("file-list", ""), "{'v':''}", NULL, "{'v':null}"},
    {"empty text of a list where required", ONE("file-list", REQUIRED), "{'v':''}",
     "v in input form must be a list of files", NULL},
    {"an empty list", ONE("file-list", REQUIRED), "{'v':[]}", NULL, "{'v':[]}"},
    {"a list of ids", ONE("file-list", ""), "{'v':['x']}",
     "v in input form must be a list of files", NULL},
    {"a list of both", ONE("file-list", ""), "{'v':[" LOCAL ",5]}",
     "v in input form must be a list of files", NULL},
    {"as many as allowed", ONE("file-list", ",'max_length':2"), "{'v':[" LOCAL "," LOCAL "]}", NULL,
     "{'v':[" LOCAL "," LOCAL "]}"},
    {"one more", ONE("file-list", ",'max_length':2"), "{'v':[{},{},{}]}",
     "v in input form must be less than 2 files", NULL},
    {"those without a source are dropped", ONE("file-list", ""),
     "{'v':[{},{'transfer_method':''},{'transfer_method':'remote_url'}," REMOTE "]}", NULL,
     "{'v':[" REMOTE "]}"},
    {"a file without a source", ONE("file", ""), "{'v':{'transfer_method':'remote_url'}}",
     "Invalid file url", NULL},
    {"a method that is no text", ONE("file", ""), "{'v':{'transfer_method':[1]}}",
     "[1] is not a valid FileTransferMethod", NULL},
    {"no UUID", ONE("file", ""), "{'v':{'transfer_method':'local_file','upload_file_id':'x'}}",
     "Invalid upload file id format", NULL},
    {"a remote one by its id", ONE("file", ""),
     "{'v':{'transfer_method':'remote_url','upload_file_id':" UUID "}}", NULL, NULL},
    {"a UUID without hyphens", ONE("file", ""),
     "{'v':{'transfer_method':'local_file','upload_file_id':'{00000000000040008000000000000000}'}}",
     NULL, NULL},
    {"one digit more", ONE("file", ""),
     "{'v':{'transfer_method':'local_file','upload_file_id':'000000000000400080000000000000000'}}",
     "Invalid upload file id format", NULL},
    {"by reference", ONE("file", ""),
     "{'v':{'transfer_method':'local_file','reference':'dify-file-ref:x'}}", NULL, NULL},
    {"a tool's", ONE("file", ",'allowed_file_types':['image']"),
     "{'v':{'type':'video','transfer_method':'tool_file','tool_file_id':'x'}}", NULL, NULL},
    {"custom is for the server to judge", ONE("file", ",'allowed_file_types':['image']"),
     "{'v':{'type':'custom','transfer_method':'local_file','upload_file_id':" UUID "}}", NULL,
     NULL},
    {"another type, which only its extension may let through",
     ONE("file", ",'allowed_file_types':['image','custom'],'allowed_file_extensions':['.pdf']"),
     "{'v':{'type':'document','transfer_method':'local_file','upload_file_id':" UUID "}}", NULL,
     NULL},
    {"another type, and no extensions", ONE("file", ",'allowed_file_types':['image','custom']"),
     "{'v':{'type':'document','transfer_method':'remote_url','url':'u'}}",
     "File validation failed for file: u", NULL},
    {"another type, and extensions of no use",
     ONE("file", ",'allowed_file_types':['image'],'allowed_file_extensions':['.pdf']"),
     "{'v':{'type':'document','transfer_method':'remote_url','url':'u'}}",
     "File validation failed for file: u", NULL},
    {"a way that is not allowed", ONE("file", ",'allowed_file_upload_methods':['local_file']"),
     "{'v':{'type':'document','transfer_method':'remote_url','url':'u'}}",
     "File validation failed for file: u", NULL},
    {"of pictures it does not matter", ONE("file", ",'allowed_file_upload_methods':['local_file']"),
     "{'v':{'type':'image','transfer_method':'remote_url','url':'u'}}", NULL, NULL},
    {"nor of a tool's", ONE("file", ",'allowed_file_upload_methods':['local_file']"),
     "{'v':{'type':'video','transfer_method':'tool_file','tool_file_id':'x'}}", NULL, NULL},
    {"any type", ONE("file", ",'allowed_file_types':[]"),
     "{'v':{'type':'audio','transfer_method':'local_file','upload_file_id':" UUID "}}", NULL, NULL},
    {"a type that there is not", ONE("file", ""),
     "{'v':{'type':'hologram','transfer_method':'remote_url','url':'u'}}",
     "Detected file type does not match the specified type. Please verify the file.", NULL},
    {"the same in a list", ONE("file-list", ""),
     "{'v':[{'type':'hologram','transfer_method':'remote_url','url':'u'}]}",
     "`hologram` is not a valid FileType", NULL},

    /* what is newer than this */
    {"an unknown type", ONE("hologram", ""), "{'v':[{'a':1.50}]}", NULL, "{'v':[{'a':1.50}]}"},
    {"an unknown type, required", ONE("hologram", REQUIRED), "{}", "v is required in input form",
     NULL},
    {"what a tool finds out is no input", ONE("external_data_tool", REQUIRED), "{'v':1}", NULL,
     "{}"},
    {"nor is it asked for", ONE("external_data_tool", REQUIRED), "{}", NULL, "{}"},
    {"a variable without a name", "{'user_input_form':[{'number':{}},5,{},{'x':7}]}", "{'v':1}",
     NULL, "{}"},
};

static struct dify__buffer new_buffer(const struct dify_allocator *allocator)
{
    return (struct dify__buffer){.allocator = dify__allocator(allocator), .max = (size_t)1 << 24};
}

/* ' is " in JSON; in a message ` is '. */
static struct text json_text(const char *chars)
{
    struct text text = {NULL, 0, 0};
    text_add_json(&text, chars);
    return text;
}

static struct text message_text(const char *chars)
{
    struct text text = {NULL, 0, 0};
    text_add_chars(&text, chars);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '`')
            text.ptr[i] = '\'';
    return text;
}

static struct dify__form *new_form(const char *json)
{
    struct text text = json_text(json);
    struct dify__form *form = NULL;
    assert_int_equal(dify__form_new(NULL, text_slice(&text), &form), DIFY_OK);
    memset(text.ptr, '?', text.len); /* the form has its own */
    text_fini(&text);
    return form;
}

static void run_case(void **state)
{
    const struct form_case *form_case = *state;
    struct dify__form *form = new_form(form_case->form);
    struct text inputs = json_text(form_case->inputs);
    struct dify__buffer prepared = new_buffer(NULL), message = new_buffer(NULL);
    assert_int_equal(dify__buffer_append(&prepared, "x", 1), DIFY_OK);
    enum dify_err err =
        dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), &prepared, &message);
    if (form_case->message != NULL) {
        struct text want = message_text(form_case->message);
        assert_bytes(dify__buffer_slice(&message), text_slice(&want));
        assert_int_equal(err, DIFY_ERR_ARGUMENT);
        assert_int_equal(prepared.len, 1);
        text_fini(&want);
    } else {
        struct text want = json_text(form_case->prepared != NULL ? form_case->prepared : "");
        assert_slice(dify__buffer_slice(&message), "");
        assert_int_equal(err, DIFY_OK);
        if (form_case->prepared != NULL)
            assert_bytes(((struct dify_slice){prepared.ptr + 1, prepared.len - 1}),
                         text_slice(&want));
        text_fini(&want);
    }
    assert_int_equal(dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), NULL, NULL),
                     err);
    dify__buffer_fini(&prepared);
    dify__buffer_fini(&message);
    text_fini(&inputs);
    dify__form_free(form);
}

/* ---- the form -------------------------------------------------------------------------------- */

static void test_variables(void **state)
{
    (void)state;
    size_t count;
    struct dify__form *form = new_form(ECHO_ALL);
    const struct dify__variable *variables = dify__form_variables(form, &count);
    static const char *const names[] = {"text", "para", "num", "sel", "chk", "obj", "f", "fl"};
    static const enum dify__variable_type types[] = {
        DIFY__VARIABLE_TEXT,   DIFY__VARIABLE_PARAGRAPH, DIFY__VARIABLE_NUMBER,
        DIFY__VARIABLE_SELECT, DIFY__VARIABLE_CHECKBOX,  DIFY__VARIABLE_JSON,
        DIFY__VARIABLE_FILE,   DIFY__VARIABLE_FILES};
    assert_int_equal(count, COUNT_OF(names));
    for (size_t i = 0; i < count; i++) {
        assert_slice(variables[i].name, names[i]);
        assert_slice(variables[i].label, names[i]);
        assert_int_equal(variables[i].type, types[i]);
        assert_int_equal(variables[i].is_required, i == 0);
        assert_slice(variables[i].default_value, NULL);
        assert_int_equal(variables[i].option_count, i == 3 ? 3 : 0);
        assert_int_equal(variables[i].file_type_count, i >= 6 ? 2 : 0);
    }
    assert_int_equal(variables[0].max_length, 48);
    assert_int_equal(variables[1].max_length, 20000);
    assert_int_equal(variables[2].max_length, 0);
    assert_int_equal(variables[7].max_length, 5);
    assert_slice(variables[3].options[2], "c");
    assert_slice(variables[6].file_types[0], "image");
    assert_slice(variables[7].file_types[1], "document");
    dify__form_free(form);
    dify__form_free(NULL);
}

static void test_default_text(void **state)
{
    (void)state;
    size_t count;
    struct dify__form *form = new_form("{'user_input_form':[{'json_object':{'default': {'a':[1]} ,"
                                       "'variable':'\\u00e9','label':5}}]}");
    const struct dify__variable *variables = dify__form_variables(form, &count);
    assert_int_equal(count, 1);
    assert_slice(variables[0].name, "\xC3\xA9");
    assert_slice(variables[0].label, NULL);
    assert_slice(variables[0].default_value, "{\"a\":[1]}");
    dify__form_free(form);
}

static void test_many_variables(void **state)
{
    (void)state;
    struct text json = {NULL, 0, 0};
    size_t count;
    text_add_chars(&json, "{'user_input_form':[");
    for (int i = 0; i < 200; i++)
        text_addf(&json, "%s{'select':{'variable':'v%d','options':['a%d','b%d']}}",
                  i == 0 ? "" : ",", i, i, i);
    text_add_chars(&json, "]}");
    struct dify__form *form = new_form(json.ptr);
    const struct dify__variable *variables = dify__form_variables(form, &count);
    assert_int_equal(count, 200);
    assert_slice(variables[199].options[1], "b199");
    assert_slice(variables[0].options[0], "a0");
    dify__form_free(form);
    text_fini(&json);
}

static void test_no_json(void **state)
{
    (void)state;
    struct dify__form *form = NULL;
    struct text deep = {NULL, 0, 0};
    text_add_chars(&deep, "{\"query\":");
    text_add_repeated(&deep, '[', 600);
    text_add_repeated(&deep, ']', 600);
    text_add_chars(&deep, "}");
    assert_int_equal(dify__form_new(NULL, slice_of(""), &form), DIFY_ERR_JSON);
    assert_int_equal(dify__form_new(NULL, slice_of("[]"), &form), DIFY_ERR_JSON);
    assert_int_equal(dify__form_new(NULL, text_slice(&deep), &form), DIFY_ERR_DEPTH);
    assert_null(form);
    form = new_form(MINIMAL);
    struct dify__buffer message = new_buffer(NULL);
    assert_int_equal(dify__form_check(form, DIFY__FORM_WORKFLOW, slice_of("[1]"), NULL, &message),
                     DIFY_ERR_JSON);
    assert_int_equal(dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&deep), NULL, &message),
                     DIFY_ERR_DEPTH);
    assert_int_equal(message.len, 0);
    dify__buffer_fini(&message);
    dify__form_free(form);
    text_fini(&deep);
}

/* Chat apps do not compare a file with its type. */
static void test_chat_rules(void **state)
{
    (void)state;
    struct dify__form *form = new_form(ONE("file", ""));
    struct text inputs =
        json_text("{'v':{'type':'hologram','transfer_method':'remote_url','url':'u'}}");
    struct dify__buffer message = new_buffer(NULL);
    assert_int_equal(dify__form_check(form, DIFY__FORM_CHAT, text_slice(&inputs), NULL, &message),
                     DIFY_ERR_ARGUMENT);
    assert_slice(dify__buffer_slice(&message), "'hologram' is not a valid FileType");
    dify__buffer_fini(&message);
    text_fini(&inputs);
    dify__form_free(form);
}

/* errors/input-too-long, and the longest that is not. */
static void test_length(void **state)
{
    (void)state;
    struct dify__form *form = new_form(MINIMAL);
    for (size_t len = 256; len <= 257; len++) {
        struct text inputs = {NULL, 0, 0};
        struct dify__buffer message = new_buffer(NULL);
        text_add_chars(&inputs, "{\"query\":\"");
        text_add_repeated(&inputs, 'x', len);
        text_add_chars(&inputs, "\"}");
        enum dify_err err =
            dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), NULL, &message);
        assert_int_equal(err, len == 256 ? DIFY_OK : DIFY_ERR_ARGUMENT);
        assert_slice(dify__buffer_slice(&message),
                     len == 256 ? "" : "query in input form must be less than 256 characters");
        dify__buffer_fini(&message);
        text_fini(&inputs);
    }
    dify__form_free(form);
}

/* ---- ceilings and memory --------------------------------------------------------------------- */

/* With less room than is needed there is an error and nothing is appended. */
static void check_room(const struct form_case *form_case)
{
    struct dify__form *form = new_form(form_case->form);
    struct text inputs = json_text(form_case->inputs);
    struct dify__buffer prepared = new_buffer(NULL), message = new_buffer(NULL);
    enum dify_err err =
        dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), &prepared, &message);
    size_t prepared_len = prepared.len, message_len = message.len;
    prepared.len = message.len = 0;
    for (size_t less = 1; less <= prepared_len + message_len; less++) {
        prepared.max = prepared_len == 0 ? 0 : prepared_len - less;
        message.max = message_len == 0 ? 0 : message_len - less;
        assert_int_equal(
            dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), &prepared, &message),
            DIFY_ERR_TOO_LARGE);
        assert_int_equal(prepared.len + message.len, 0);
    }
    prepared.max = prepared_len;
    message.max = message_len;
    assert_int_equal(
        dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), &prepared, &message), err);
    dify__buffer_fini(&prepared);
    dify__buffer_fini(&message);
    text_fini(&inputs);
    dify__form_free(form);
}

static void test_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(recorded); i++)
        check_room(&recorded[i]);
    for (size_t i = 0; i < COUNT_OF(by_rule); i++)
        check_room(&by_rule[i]);
}

/* One case with the n-th allocation failing; false when there was none to fail. */
static bool fails_at(const struct form_case *form_case, uint64_t n)
{
    struct meter meter;
    struct dify__form *form = NULL;
    struct text json = json_text(form_case->form), inputs = json_text(form_case->inputs);
    meter_init(&meter);
    meter.fail_at = n;
    struct dify__buffer prepared = new_buffer(&meter.allocator);
    struct dify__buffer message = new_buffer(&meter.allocator);
    enum dify_err err = dify__form_new(&meter.allocator, text_slice(&json), &form);
    if (err == DIFY_OK)
        err = dify__form_check(form, DIFY__FORM_WORKFLOW, text_slice(&inputs), &prepared, &message);
    else
        assert_null(form);
    if (meter.failures != 0) {
        assert_int_equal(err, DIFY_ERR_NOMEM);
        assert_int_equal(prepared.len + message.len, 0);
    } else {
        assert_int_equal(err, form_case->message != NULL ? DIFY_ERR_ARGUMENT : DIFY_OK);
    }
    dify__buffer_fini(&prepared);
    dify__buffer_fini(&message);
    dify__form_free(form);
    assert_meter_empty(&meter);
    text_fini(&json);
    text_fini(&inputs);
    return meter.failures != 0;
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(recorded); i++)
        for (uint64_t n = 1; fails_at(&recorded[i], n); n++)
            assert_true(n < 1000);
    for (size_t i = 0; i < COUNT_OF(by_rule); i++)
        for (uint64_t n = 1; fails_at(&by_rule[i], n); n++)
            assert_true(n < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),      cmocka_unit_test(test_default_text),
        cmocka_unit_test(test_many_variables), cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_chat_rules),     cmocka_unit_test(test_length),
        cmocka_unit_test(test_room),           cmocka_unit_test(test_memory),
    };
    int failed = run_cases("recorded", recorded, COUNT_OF(recorded), sizeof recorded[0], run_case);
    failed += run_cases("by rule", by_rule, COUNT_OF(by_rule), sizeof by_rule[0], run_case);
    return failed + cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
