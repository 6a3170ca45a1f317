/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fold.c: the rules of docs/result.md, a few cases each; every one is folded whole, byte by
 * byte, and with the result asked for after each event.
 */
#include "support.h"

#define RUN(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define DONE "{'event':'workflow_finished','data':{'status':'succeeded'}}"
#define NODE(id, rest)                                                                             \
    "{'event':'node_finished','data':{'id':'" id "','node_id':'n" id "'," rest "}}"
#define USAGE(tokens, price)                                                                       \
    "'execution_metadata':{'total_tokens':" tokens ",'total_price':" price "}"

struct fold_case {
    const char *name;
    const char *events[8]; /* up to the first NULL */
    const char *pointer, *json;
};

static const struct fold_case cases[] = {
    {"1: unknown events count", RUN("{'event':'new'}", "{}", DONE), "/data/event_count", "3"},
    {"1: pings do not", RUN("{'event':'ping'}", DONE), "/data/event_count", "1"},
    {"1: what is no object is skipped", RUN("[1]", "x", DONE), "/data/skipped_events", "2"},
    {"1: and does not count", RUN("[1]", "x", DONE), "/data/event_count", "1"},
    {"1: an unknown event's ids count", RUN("{'event':'new','task_id':'t'}", DONE), "/data/task_id",
     "'t'"},

    {"2: the first run id",
     RUN("{'event':'x','workflow_run_id':'a'}", "{'event':'x','workflow_run_id':'b'}"),
     "/data/workflow_run_id", "'a'"},
    {"2: the first task id", RUN("{'event':'x','task_id':'a'}", "{'event':'x','task_id':'b'}"),
     "/data/task_id", "'a'"},
    {"2: a task id that is the run's gives way",
     RUN("{'event':'x','workflow_run_id':'r','task_id':'r'}", "{'event':'x','task_id':'b'}",
         "{'event':'x','task_id':'c'}"),
     "/data/task_id", "'b'"},
    {"2: created_at of workflow_started",
     RUN("{'event':'workflow_started','data':{'created_at':1}}",
         "{'event':'workflow_finished','data':{'created_at':2}}"),
     "/data/created_at", "1"},
    {"2: else of workflow_finished", RUN("{'event':'workflow_finished','data':{'created_at':2}}"),
     "/data/created_at", "2"},
    {"2: steps as a string", RUN("{'event':'workflow_finished','data':{'total_steps':'12'}}"),
     "/data/metadata/total_steps", "12"},
    {"2: steps that are no integer",
     RUN("{'event':'workflow_finished','data':{'total_steps':1.5}}"), "/data/metadata/total_steps",
     "0"},
    {"2: paused", RUN("{'event':'workflow_paused','data':{'total_steps':3}}"), "/data/status",
     "'paused'"},
    {"2: the pause's steps give way",
     RUN("{'event':'workflow_paused','data':{'total_steps':3}}",
         "{'event':'workflow_finished','data':{'status':'succeeded'}}"),
     "/data/metadata/total_steps", "0"},
    {"2: what never came", RUN("{'event':'x'}"), "/data/status", "null"},

    {"3: a later value keeps the place",
     RUN(NODE("1", "'outputs':{'a':1,'b':2}"), NODE("2", "'outputs':{'c':3,'a':[ 4 ]}")),
     "/data/outputs", "{'a':[4],'b':2,'c':3}"},
    {"3: those of workflow_finished last",
     RUN(NODE("1", "'outputs':{'a':1}"),
         "{'event':'workflow_finished','data':{'outputs':{'a':2,'z':0}}}"),
     "/data/outputs", "{'a':2,'z':0}"},
    {"3: and alone",
     RUN(NODE("1", "'outputs':{'a':1}"),
         "{'event':'workflow_finished','data':{'outputs':{'z':0}}}"),
     "/data/workflow_outputs", "{'z':0}"},
    {"3: null adds nothing",
     RUN(NODE("1", "'outputs':{'a':1}"), "{'event':'workflow_finished','data':{'outputs':null}}"),
     "/data/workflow_outputs", "null"},
    {"3: numbers to the digit",
     RUN(NODE("1", "'outputs':{'n':[9007199254740993,1.10,1E5,-0.0,1e400]}")), "/data/outputs",
     "{'n':[9007199254740993,1.10,1E5,-0.0,1e400]}"},
    {"3: empty outputs are outputs", RUN("{'event':'workflow_finished','data':{'outputs':{}}}"),
     "/data/workflow_outputs", "{}"},

    {"4: reported tokens",
     RUN(NODE("1", USAGE("5", "0")), "{'event':'workflow_finished','data':{'total_tokens':9}}"),
     "/data/metadata/total_tokens", "9"},
    {"4: observed where none were reported",
     RUN(NODE("1", USAGE("5", "0")), NODE("2", USAGE("6", "0")),
         "{'event':'workflow_finished','data':{'total_tokens':0}}"),
     "/data/metadata/total_tokens", "11"},
    {"4: and said so", RUN(NODE("1", USAGE("5", "0")), DONE), "/data/metadata/tokens_source",
     "'observed'"},
    {"5: 0.1 and 0.2", RUN(NODE("1", USAGE("0", "'0.1'")), NODE("2", USAGE("0", "0.2"))),
     "/data/metadata/total_price", "0.3"},
    {"5: the last currency seen",
     RUN(NODE("1", "'execution_metadata':{'currency':'RMB'}"),
         NODE("2", "'execution_metadata':{'currency':'EUR'}"), NODE("3", "'status':'succeeded'")),
     "/data/metadata/currency", "'EUR'"},
    {"6: time over nodes",
     RUN(NODE("1", "'elapsed_time':0.25"), NODE("2", "'elapsed_time':1e-3"),
         "{'event':'workflow_finished','data':{'elapsed_time':0.200}}"),
     "/data/metadata/elapsed_time", "0.251"},
    {"6: Dify's own time", RUN("{'event':'workflow_finished','data':{'elapsed_time':0.200}}"),
     "/data/metadata/workflow_elapsed_time", "0.200"},
    {"7: no exponent", RUN(NODE("1", USAGE("0", "'1.234e-4'"))), "/data/metadata/total_price",
     "0.0001234"},
    {"7: a price that is none", RUN(NODE("1", USAGE("0", "'.5'")), NODE("2", USAGE("0", "'1'"))),
     "/data/metadata/total_price", "1"},
    {"7: tokens that are no integer",
     RUN(NODE("1", USAGE("1.5", "0")), NODE("2", USAGE("-1", "0"))), "/data/metadata/total_tokens",
     "0"},

    {"8: a node counts once", RUN(NODE("1", USAGE("5", "1")), NODE("1", USAGE("6", "2"))),
     "/data/metadata/total_price", "1"},
    {"8: without id, the latest unfinished of its node_id",
     RUN("{'event':'node_started','data':{'id':'e','node_id':'n'}}",
         "{'event':'node_finished','data':{'node_id':'n','status':'succeeded'}}"),
     "/data/nodes/0/status", "'succeeded'"},
    {"8: without id and none open, one of its own",
     RUN("{'event':'node_finished','data':{'node_id':'n'}}",
         "{'event':'node_finished','data':{'node_id':'n'}}"),
     "/data/nodes/1/node_id", "'n'"},
    {"8: a provisional end does not count",
     RUN(NODE("1", "'status':'paused'," USAGE("5", "1")),
         NODE("1", "'status':'succeeded'," USAGE("6", "2"))),
     "/data/metadata/total_price", "2"},
    {"8: an end of status retry is none",
     RUN("{'event':'node_started','data':{'id':'1','node_id':'n'}}",
         NODE("1", "'status':'retry','elapsed_time':0.0," USAGE("5", "1"))),
     "/data/nodes/0/status", "'retry'"},
    {"8: the next one counts",
     RUN(NODE("1", "'status':'retry','elapsed_time':0.0," USAGE("5", "1")),
         NODE("1", "'status':'succeeded','elapsed_time':0.5," USAGE("6", "2"))),
     "/data/nodes/0/elapsed_time", "0.5"},
    {"8: with its status", RUN(NODE("1", "'status':'retry'"), NODE("1", "'status':'succeeded'")),
     "/data/nodes/0/status", "'succeeded'"},
    {"8: and after an end it says nothing",
     RUN(NODE("1", "'status':'failed'"), NODE("1", "'status':'retry'")), "/data/nodes/0/status",
     "'failed'"},
    {"8: retries cost",
     RUN("{'event':'node_retry','data':{'id':'1'," USAGE("5", "1") "}}",
         NODE("1", USAGE("6", "2"))),
     "/data/metadata/total_price", "3"},
    {"8: and are counted",
     RUN("{'event':'node_retry','data':{'id':'1'}}", "{'event':'node_retry','data':{'id':'1'}}"),
     "/data/nodes/0/retries", "2"},
    {"8: containers are shown, not added",
     RUN("{'event':'loop_started','data':{'id':'l','node_id':'l'}}", NODE("1", USAGE("5", "1")),
         "{'event':'loop_completed','data':{'id':'l','node_id':'l'," USAGE("5", "1") "}}"),
     "/data/metadata/total_tokens", "5"},
    {"8: a container's retry counts in no sum",
     RUN("{'event':'iteration_started','data':{'id':'it','node_id':'it','node_type':'iteration'}}",
         "{'event':'node_retry','data':{'id':'x','node_id':'it','node_type':'iteration',"
         "'execution_metadata':{'total_tokens':5,'total_price':'1'}}}"),
     "/data/metadata/total_tokens", "0"},
    {"8: a container's retry is its own",
     RUN("{'event':'iteration_started','data':{'id':'it','node_id':'it','node_type':'iteration'}}",
         "{'event':'node_retry','data':{'id':'x','node_id':'it','node_type':'iteration'}}"),
     "/data/containers/0/retries", "1"},
    {"8: a container's bad count hides no good one",
     RUN("{'event':'loop_completed','data':{'id':'l','node_id':'l','node_type':'loop',"
         "'total_tokens':7,'execution_metadata':{'total_tokens':'12.5'}}}"),
     "/data/containers/0/total_tokens", "7"},
    {"8: a container's own tokens",
     RUN("{'event':'loop_completed','data':{'id':'l','node_id':'l','total_tokens':8}}"),
     "/data/containers/0/total_tokens", "8"},

    {"9: messages in order",
     RUN("{'event':'message','answer':'a'}", "{'event':'message','answer':'b'}"), "/data/answer",
     "'ab'"},
    {"9: replaced",
     RUN("{'event':'message','answer':'a'}", "{'event':'message_replace','answer':'b'}",
         "{'event':'message','answer':'c'}"),
     "/data/answer", "'bc'"},
    {"9: an agent's whole answer again",
     RUN("{'event':'agent_message','answer':'ab'}", "{'event':'message','answer':'abc'}"),
     "/data/answer", "'abc'"},
    {"9: without agent_message nothing is repeated",
     RUN("{'event':'message','answer':'ab'}", "{'event':'message','answer':'abc'}"), "/data/answer",
     "'ababc'"},
    {"9: a pair in two messages",
     RUN("{'event':'message','answer':'\\ud83d'}", "{'event':'message','answer':'\\ude00'}"),
     "/data/answer", "'\xF0\x9F\x98\x80'"},
    {"9: no answer", RUN("{'event':'message'}"), "/data/answer", NULL},
    {"9: message_end ends in success", RUN("{'event':'message_end'}"), "/data/status",
     "'succeeded'"},
    {"9: usage", RUN("{'event':'message_end','metadata':{'usage':{'total_price':'0.5'}}}"),
     "/data/metadata/total_price", "0.5"},
    {"9: usage gives way to workflow_finished",
     RUN("{'event':'message_end','metadata':{'usage':{'total_price':'0.5'}}}", DONE),
     "/data/metadata/total_price", "0"},
    {"9: workflow_finished after message_end decides",
     RUN("{'event':'message_end'}", "{'event':'workflow_finished','data':{'status':'failed'}}"),
     "/code", "'workflow_failed'"},

    {"10: audio in decoded bytes",
     RUN("{'event':'tts_message','audio':'Zm9v'}", "{'event':'tts_message','audio':'Zg=='}"),
     "/data/tts_bytes", "4"},
    {"10: audio after the end",
     RUN("{'event':'message_end'}", "{'event':'tts_message','audio':'Zm9v'}",
         "{'event':'tts_message_end','audio':'Zg'}"),
     "/data/tts_bytes", "4"},
    {"10: no audio", RUN(DONE), "/data/tts_bytes", NULL},

    {"11: members of another type",
     RUN("{'event':'node_finished','data':{'id':5,'node_id':[],'outputs':'x','elapsed_time':{},"
         "'execution_metadata':[]}}",
         "{'event':'workflow_finished','data':'x'}"),
     "/data/outputs", "{}"},

    {"12: after the end the rest only counts", RUN(DONE, NODE("1", "'outputs':{'a':1}")),
     "/data/outputs", "{}"},
    {"12: it does count", RUN(DONE, NODE("1", "'outputs':{'a':1}")), "/data/event_count", "2"},
    {"12: an error after success changes nothing", RUN(DONE, "{'event':'error','code':'c'}"),
     "/success", "true"},
    {"12: an error, then success: the end is told", RUN("{'event':'error','code':'c'}", DONE),
     "/success", "true"},
    {"12: after a pause all still folds",
     RUN("{'event':'workflow_paused','data':{}}", NODE("1", "'outputs':{'a':1}"), DONE),
     "/data/outputs", "{'a':1}"},

    {"forms of a pause, each once",
     RUN("{'event':'human_input_required','data':{'form_id':'f'}}",
         "{'event':'workflow_paused','data':{'reasons':[{'form_id':'f','x':1},{'x':2},"
         "{'form_id':'g'}]}}"),
     "/data/forms", "[{'form_id':'f'},{'form_id':'g'}]"},
    {"forms that were filled in are gone",
     RUN("{'event':'human_input_required','data':{'form_id':'f','node_id':'a'}}",
         "{'event':'human_input_required','data':{'form_id':'g','node_id':'b'}}",
         "{'event':'human_input_form_filled','data':{'node_id':'a'}}",
         "{'event':'workflow_paused','data':{}}"),
     "/data/forms", "[{'form_id':'g','node_id':'b'}]"},
    {"forms that the next pause does not name are gone",
     RUN("{'event':'workflow_paused','data':{'reasons':[{'form_id':'f'}]}}",
         "{'event':'workflow_started','data':{'reason':'resumption'}}",
         "{'event':'human_input_required','data':{'form_id':'g'}}",
         "{'event':'workflow_paused','data':{'reasons':[{'form_id':'g'}]}}"),
     "/data/forms", "[{'form_id':'g'}]"},
    {"forms of a run that is not paused",
     RUN("{'event':'human_input_required','data':{'form_id':'f'}}", DONE), "/data/forms", NULL},
};

static void run_case(void **state)
{
    const struct fold_case *c = *state;
    struct text stream = {NULL, 0, 0};
    text_add_chars(&stream, "event: ping\n\n");
    for (size_t i = 0; i < COUNT_OF(c->events) && c->events[i] != NULL; i++)
        text_add_event(&stream, c->events[i]);
    text_add_chars(&stream, "event: ping\ndata\n\n");
    assert_folds(stream, c->pointer, c->json);
}

/* Lone surrogates are written as escapes, wherever they come from. */
static void test_lone_surrogates(void **state)
{
    (void)state;
    struct text stream =
        STREAM("{'event':'message','answer':'\\ud83d','conversation_id':'\\ude00'}",
               NODE("1", "'outputs':{'\\ud800':'\\udfff'}"));
    struct dify_run *run = fold(&stream);
    struct text result = result_text(run, DIFY_JSON_COMPACT);
    assert_non_null(strstr(result.ptr, "\"answer\":\"\\uD83D\""));
    assert_non_null(strstr(result.ptr, "\"conversation_id\":\"\\uDE00\""));
    assert_non_null(strstr(result.ptr, "\"outputs\":{\"\\uD800\":\"\\uDFFF\"}"));
    dify_run_free(run);
    text_fini(&stream);
    text_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lone_surrogates)};
    int failed = run_cases("fold, rules", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
