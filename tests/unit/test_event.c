/* SPDX-License-Identifier: Apache-2.0
 *
 * test_event.c: every type of event with the members that Dify gives it, and what a member of
 * another type than documented comes to. JSON and views stand in single quotes; see event_view.h.
 */
#include "event_view.h"

struct event_case {
    const char *name;
    enum dify_event_type type;
    const char *json;
    const char *view;
};

#define FLOW "'task_id':'t','workflow_run_id':'r'"
#define FLOW_VIEW "task_id=t;workflow_run_id=r;"
#define CHAT "'conversation_id':'c','message_id':'m','created_at':17,'task_id':'t'"

static const struct event_case cases[] = {
    {"ping", DIFY_EVENT_PING, "{'event':'ping'}", "name=ping;"},
    {"workflow_started", DIFY_EVENT_WORKFLOW_STARTED,
     "{'event':'workflow_started'," FLOW ",'data':{'id':'r','workflow_id':'w',"
     "'inputs':{'a':1,'sys.user_id':'u'},'created_at':1679586595,'reason':'initial'}}",
     "name=workflow_started;" FLOW_VIEW "d.id=r;d.workflow_id=w;d.reason=initial;"
     "d.created_at=1679586595;d.inputs={'a':1,'sys.user_id':'u'};"},
    {"workflow_finished", DIFY_EVENT_WORKFLOW_FINISHED,
     "{'event':'workflow_finished'," FLOW ",'data':{'id':'r','workflow_id':'w',"
     "'status':'succeeded','outputs':{'x':[1, 2]},'error':null,'elapsed_time':1.25,"
     "'total_tokens':7,'total_steps':'3','created_by':{'id':'u'},'created_at':1,"
     "'finished_at':2,'exceptions_count':0,'files':[]}}",
     "name=workflow_finished;" FLOW_VIEW "d.id=r;d.workflow_id=w;d.status=succeeded;"
     "d.exceptions_count=0;d.created_at=1;d.finished_at=2;d.elapsed_time=1.25;d.total_tokens=7;"
     "d.total_steps=~3;d.outputs={'x':[1, 2]};d.files=[];d.created_by={'id':'u'};"},
    {"workflow_paused", DIFY_EVENT_WORKFLOW_PAUSED,
     "{'event':'workflow_paused'," FLOW ",'data':{'workflow_run_id':'r','paused_nodes':['n'],"
     "'outputs':{},'reasons':[{'form_id':'f'}],'status':'paused','created_at':1,"
     "'elapsed_time':0.5,'total_tokens':0,'total_steps':2}}",
     "name=workflow_paused;" FLOW_VIEW "d.workflow_run_id=r;d.status=paused;d.created_at=1;"
     "d.elapsed_time=0.5;d.total_tokens=0;d.total_steps=2;d.outputs={};d.paused_nodes=['n'];"
     "d.reasons=[{'form_id':'f'}];"},
    {"node_started", DIFY_EVENT_NODE_STARTED,
     "{'event':'node_started'," FLOW ",'data':{'id':'e','node_id':'n','node_type':'llm',"
     "'title':'LLM','index':1,'predecessor_node_id':'p','inputs':null,'inputs_truncated':false,"
     "'created_at':5,'extras':{},'iteration_id':'i','loop_id':'l',"
     "'agent_strategy':{'name':'s'}}}",
     "name=node_started;" FLOW_VIEW "d.id=e;d.node_id=n;d.node_type=llm;d.title=LLM;"
     "d.predecessor_node_id=p;d.iteration_id=i;d.loop_id=l;d.index=1;d.created_at=5;"
     "d.extras={};d.agent_strategy={'name':'s'};d.inputs_truncated=0;"},
    {"node_finished", DIFY_EVENT_NODE_FINISHED,
     "{'event':'node_finished'," FLOW ",'data':{'id':'e','node_id':'n','node_type':'llm',"
     "'title':'LLM','index':2,'inputs':{'q':'?'},'inputs_truncated':true,'process_data':{'p':1},"
     "'process_data_truncated':false,'outputs':{'text':'hi'},'outputs_truncated':true,"
     "'status':'succeeded','error':'e!','elapsed_time':0.1,'execution_metadata':"
     "{'total_tokens':12,'total_price':'0.0002','currency':'USD','other':1},'created_at':5,"
     "'finished_at':6,'files':[{'id':1}]}}",
     "name=node_finished;" FLOW_VIEW "d.id=e;d.node_id=n;d.node_type=llm;d.title=LLM;"
     "d.status=succeeded;d.error=e!;d.index=2;d.created_at=5;d.finished_at=6;d.elapsed_time=0.1;"
     "d.inputs={'q':'?'};d.process_data={'p':1};d.outputs={'text':'hi'};d.files=[{'id':1}];"
     "d.execution_metadata={'total_tokens':12,'total_price':'0.0002','currency':'USD','other':1};"
     "d.inputs_truncated=1;d.process_data_truncated=0;d.outputs_truncated=1;"
     "u.total_tokens=12;u.total_price=~0.0002;u.currency=USD;"},
    {"node_retry", DIFY_EVENT_NODE_RETRY,
     "{'event':'node_retry'," FLOW ",'data':{'id':'e','node_id':'n','retry_index':1,"
     "'status':'retry','error':'x','execution_metadata':{'total_price':1e-7}}}",
     "name=node_retry;" FLOW_VIEW "d.id=e;d.node_id=n;d.status=retry;d.error=x;d.retry_index=1;"
     "d.execution_metadata={'total_price':1e-7};u.total_price=1e-7;"},
    {"iteration_started", DIFY_EVENT_ITERATION_STARTED,
     "{'event':'iteration_started'," FLOW ",'data':{'id':'n','node_id':'n',"
     "'node_type':'iteration','title':'I','created_at':3,'metadata':{'iterator_length':2},"
     "'inputs':{'l':[]},'inputs_truncated':false,'extras':{}}}",
     "name=iteration_started;" FLOW_VIEW "d.id=n;d.node_id=n;d.node_type=iteration;d.title=I;"
     "d.created_at=3;d.inputs={'l':[]};d.extras={};d.metadata={'iterator_length':2};"
     "d.inputs_truncated=0;"},
    {"iteration_next", DIFY_EVENT_ITERATION_NEXT,
     "{'event':'iteration_next'," FLOW ",'data':{'id':'n','node_id':'n','index':1}}",
     "name=iteration_next;" FLOW_VIEW "d.id=n;d.node_id=n;d.index=1;"},
    {"iteration_completed", DIFY_EVENT_ITERATION_COMPLETED,
     "{'event':'iteration_completed'," FLOW ",'data':{'id':'n','node_id':'n','outputs':{'o':[]},"
     "'outputs_truncated':false,'status':'succeeded','error':null,'elapsed_time':2.5,"
     "'total_tokens':9,'execution_metadata':{'total_tokens':9},'created_at':1,'finished_at':4,"
     "'steps':3}}",
     "name=iteration_completed;" FLOW_VIEW "d.id=n;d.node_id=n;d.status=succeeded;d.steps=3;"
     "d.created_at=1;d.finished_at=4;d.elapsed_time=2.5;d.total_tokens=9;d.outputs={'o':[]};"
     "d.execution_metadata={'total_tokens':9};d.outputs_truncated=0;u.total_tokens=9;"},
    {"loop_started", DIFY_EVENT_LOOP_STARTED,
     "{'event':'loop_started'," FLOW ",'data':{'id':'n','node_id':'n','node_type':'loop',"
     "'metadata':{'loop_length':3}}}",
     "name=loop_started;" FLOW_VIEW "d.id=n;d.node_id=n;d.node_type=loop;"
     "d.metadata={'loop_length':3};"},
    {"loop_next", DIFY_EVENT_LOOP_NEXT,
     "{'event':'loop_next'," FLOW ",'data':{'id':'n','index':2,'pre_loop_output':{'v':1}}}",
     "name=loop_next;" FLOW_VIEW "d.id=n;d.index=2;d.pre_loop_output={'v':1};"},
    {"loop_completed", DIFY_EVENT_LOOP_COMPLETED,
     "{'event':'loop_completed'," FLOW ",'data':{'id':'n','status':'failed','steps':1}}",
     "name=loop_completed;" FLOW_VIEW "d.id=n;d.status=failed;d.steps=1;"},
    {"text_chunk", DIFY_EVENT_TEXT_CHUNK,
     "{'event':'text_chunk'," FLOW ",'data':{'text':'hello','from_variable_selector':['a','b']}}",
     "name=text_chunk;" FLOW_VIEW "d.text=hello;d.from_variable_selector=['a','b'];"},
    {"reasoning_chunk", DIFY_EVENT_REASONING_CHUNK,
     "{'event':'reasoning_chunk'," FLOW ",'data':{'message_id':'m','reasoning':'hm',"
     "'node_id':'n','is_final':true}}",
     "name=reasoning_chunk;" FLOW_VIEW "d.message_id=m;d.node_id=n;d.reasoning=hm;d.is_final=1;"},
    {"agent_log", DIFY_EVENT_AGENT_LOG,
     "{'event':'agent_log'," FLOW ",'data':{'node_execution_id':'x','id':'a','label':'L',"
     "'parent_id':'p','error':null,'status':'success','data':{'d':1},'metadata':{},"
     "'node_id':'n'}}",
     "name=agent_log;" FLOW_VIEW "d.id=a;d.node_id=n;d.parent_id=p;d.node_execution_id=x;"
     "d.status=success;d.label=L;d.metadata={};d.data={'d':1};"},
    {"human_input_required", DIFY_EVENT_HUMAN_INPUT_REQUIRED,
     "{'event':'human_input_required'," FLOW ",'data':{'form_id':'f','node_id':'n',"
     "'node_title':'T','form_content':'# hi','inputs':[{}],'actions':[{'id':'a'}],"
     "'form_token':null,'resolved_default_values':{'k':'v'},'expiration_time':99,"
     "'display_in_ui':false}}",
     "name=human_input_required;" FLOW_VIEW "d.node_id=n;d.form_id=f;d.form_content=# hi;"
     "d.node_title=T;d.expiration_time=99;d.inputs=[{}];d.actions=[{'id':'a'}];"
     "d.resolved_default_values={'k':'v'};d.display_in_ui=0;"},
    {"human_input_form_filled", DIFY_EVENT_HUMAN_INPUT_FORM_FILLED,
     "{'event':'human_input_form_filled'," FLOW ",'data':{'node_id':'n','node_title':'T',"
     "'action_id':'ok','action_text':'OK','rendered_content':'done'}}",
     "name=human_input_form_filled;" FLOW_VIEW "d.node_id=n;d.node_title=T;d.action_id=ok;"
     "d.action_text=OK;d.rendered_content=done;"},
    {"human_input_form_timeout", DIFY_EVENT_HUMAN_INPUT_FORM_TIMEOUT,
     "{'event':'human_input_form_timeout'," FLOW ",'data':{'node_id':'n','node_title':'T',"
     "'expiration_time':99}}",
     "name=human_input_form_timeout;" FLOW_VIEW "d.node_id=n;d.node_title=T;"
     "d.expiration_time=99;"},
    {"message", DIFY_EVENT_MESSAGE,
     "{'event':'message'," CHAT ",'id':'m','answer':'hel','from_variable_selector':['n','t']}",
     "name=message;task_id=t;conversation_id=c;message_id=m;id=m;answer=hel;created_at=17;"
     "from_variable_selector=['n','t'];"},
    {"agent_message", DIFY_EVENT_AGENT_MESSAGE,
     "{'event':'agent_message'," CHAT ",'id':'m','answer':''}",
     "name=agent_message;task_id=t;conversation_id=c;message_id=m;id=m;answer=;created_at=17;"},
    {"agent_thought", DIFY_EVENT_AGENT_THOUGHT,
     "{'event':'agent_thought'," CHAT ",'id':'a','position':1,'thought':'t','observation':'o',"
     "'tool':'x;y','tool_labels':{'x':{}},'tool_input':'{}','message_files':[]}",
     "name=agent_thought;task_id=t;conversation_id=c;message_id=m;id=a;thought=t;observation=o;"
     "tool=x;y;created_at=17;position=1;tool_labels={'x':{}};tool_input='{}';message_files=[];"},
    {"message_file", DIFY_EVENT_MESSAGE_FILE,
     "{'event':'message_file'," CHAT ",'id':'f','type':'image','belongs_to':'assistant',"
     "'url':'http://h/x'}",
     "name=message_file;task_id=t;conversation_id=c;message_id=m;id=f;file_type=image;"
     "belongs_to=assistant;url=http://h/x;created_at=17;"},
    {"message_replace", DIFY_EVENT_MESSAGE_REPLACE,
     "{'event':'message_replace'," CHAT ",'answer':'no','reason':'output_moderation'}",
     "name=message_replace;task_id=t;conversation_id=c;message_id=m;answer=no;"
     "reason=output_moderation;created_at=17;"},
    {"message_end", DIFY_EVENT_MESSAGE_END,
     "{'event':'message_end'," CHAT ",'id':'m','metadata':{'usage':{'prompt_tokens':3,"
     "'total_tokens':5,'total_price':'0.01','currency':'RMB','latency':1.5},"
     "'retriever_resources':[]},'files':[{}]}",
     "name=message_end;task_id=t;conversation_id=c;message_id=m;id=m;created_at=17;files=[{}];"
     "metadata={'usage':{'prompt_tokens':3,'total_tokens':5,'total_price':'0.01',"
     "'currency':'RMB','latency':1.5},'retriever_resources':[]};"
     "m.total_tokens=5;m.total_price=~0.01;m.latency=1.5;m.currency=RMB;"},
    {"tts_message", DIFY_EVENT_TTS_MESSAGE,
     "{'event':'tts_message','message_id':'m','created_at':17,'audio':'Zm9v'}",
     "name=tts_message;message_id=m;audio=Zm9v;created_at=17;"},
    {"tts_message_end", DIFY_EVENT_TTS_MESSAGE_END,
     "{'event':'tts_message_end','message_id':'m','created_at':17,'audio':''}",
     "name=tts_message_end;message_id=m;audio=;created_at=17;"},
    {"error", DIFY_EVENT_ERROR,
     "{'event':'error'," CHAT ",'code':'invalid_param','status':400,'message':'bad'}",
     "name=error;task_id=t;conversation_id=c;message_id=m;code=invalid_param;message=bad;"
     "created_at=17;status=400;"},

    /* of no known type */
    {"an unknown type keeps its name", DIFY_EVENT_UNKNOWN,
     "{'event':'brand_new','data':{'id':'e'}}", "name=brand_new;d.id=e;"},
    {"unknown is no name of a type", DIFY_EVENT_UNKNOWN, "{'event':'unknown'}", "name=unknown;"},
    {"names are case-sensitive", DIFY_EVENT_UNKNOWN, "{'event':'Message'}", "name=Message;"},
    {"a name with a NUL", DIFY_EVENT_UNKNOWN, "{'event':'ping\\u0000'}", NULL},
    {"no event member", DIFY_EVENT_UNKNOWN, "{'data':{'id':'e'}}", "d.id=e;"},
    {"an event member that is no text", DIFY_EVENT_UNKNOWN, "{'event':1,'task_id':'t'}",
     "task_id=t;"},
    {"an empty object", DIFY_EVENT_UNKNOWN, "{}", ""},
    {"an empty object with white space", DIFY_EVENT_UNKNOWN, " \t\r\n{ \n} ", ""},

    /* members of another type are absent */
    {"null everywhere", DIFY_EVENT_NODE_FINISHED,
     "{'event':'node_finished','task_id':null,'created_at':null,'files':null,'data':{'id':null,"
     "'index':null,'outputs':null,'execution_metadata':null,'inputs_truncated':null}}",
     "name=node_finished;"},
    {"texts that are none", DIFY_EVENT_MESSAGE,
     "{'event':'message','task_id':5,'id':{},'answer':['x'],'url':true,'data':{'id':1.5,"
     "'title':{},'error':[],'status':false,'text':{'a':1}}}",
     "name=message;"},
    {"numbers that are none", DIFY_EVENT_UNKNOWN,
     "{'event':'x','created_at':'soon','status':{},'position':[1],'data':{'index':'1 ',"
     "'steps':'01','created_at':true,'elapsed_time':'','total_tokens':'+5','total_steps':'0x1',"
     "'finished_at':'1e','expiration_time':'NaN'}}",
     "name=x;"},
    {"numbers as strings", DIFY_EVENT_UNKNOWN,
     "{'event':'x','created_at':'5','position':'-0','data':{'index':'1','steps':'2.50',"
     "'elapsed_time':'1e-7','total_tokens':'123456789012345678901234567890123456789012'}}",
     "name=x;created_at=~5;position=~-0;d.index=~1;d.steps=~2.50;d.elapsed_time=~1e-7;"
     "d.total_tokens=~123456789012345678901234567890123456789012;"},
    {"flags that are none", DIFY_EVENT_UNKNOWN,
     "{'event':'x','data':{'inputs_truncated':1,'is_final':'true','display_in_ui':{},"
     "'outputs_truncated':false,'process_data_truncated':true}}",
     "name=x;d.process_data_truncated=1;d.outputs_truncated=0;"},
    {"JSON of any type", DIFY_EVENT_UNKNOWN,
     "{'event':'x','files':'text','metadata':1.50,'tool_labels':true,'message_files':[],"
     "'data':{'outputs':'s','inputs':0,'files':false,'execution_metadata':'none'}}",
     "name=x;files='text';metadata=1.50;tool_labels=true;message_files=[];d.inputs=0;"
     "d.outputs='s';d.files=false;d.execution_metadata='none';"},
    {"data that is no object", DIFY_EVENT_UNKNOWN, "{'event':'x','data':[{'id':'e'}]}", "name=x;"},
    {"usage of another type", DIFY_EVENT_MESSAGE_END,
     "{'event':'message_end','metadata':{'usage':[1]}}",
     "name=message_end;metadata={'usage':[1]};"},
    {"usage of wrong members", DIFY_EVENT_MESSAGE_END,
     "{'event':'message_end','metadata':{'usage':{'total_tokens':{},'total_price':'free',"
     "'currency':5,'latency':null}}}",
     "name=message_end;metadata={'usage':{'total_tokens':{},'total_price':'free','currency':5,"
     "'latency':null}};"},

    /* the same member twice: the last */
    {"a text twice", DIFY_EVENT_PING, "{'event':'x','event':'ping'}", "name=ping;"},
    {"a text, then none", DIFY_EVENT_UNKNOWN, "{'event':'ping','event':5}", ""},
    {"data twice", DIFY_EVENT_PING,
     "{'data':{'id':'e','title':'T','execution_metadata':{'total_tokens':1}},'event':'ping',"
     "'data':{'id':'f'}}",
     "name=ping;d.id=f;"},
    {"data, then none", DIFY_EVENT_PING, "{'data':{'id':'e'},'event':'ping','data':null}",
     "name=ping;"},
    {"usage twice", DIFY_EVENT_UNKNOWN,
     "{'data':{'execution_metadata':{'total_tokens':1,'currency':'A'},'execution_metadata':"
     "{'total_tokens':2}}}",
     "d.execution_metadata={'total_tokens':2};u.total_tokens=2;"},
    {"metadata, then none", DIFY_EVENT_UNKNOWN,
     "{'metadata':{'usage':{'total_tokens':1}},'metadata':0}", "metadata=0;"},
};

static struct dify_decoder *new_decoder(void)
{
    struct dify_decoder *decoder = NULL;
    assert_int_equal(dify_decoder_new(NULL, &decoder), DIFY_OK);
    return decoder;
}

static void run_case(void **state)
{
    const struct event_case *c = *state;
    const struct dify_event *event = NULL;
    struct text json = {NULL, 0, 0}, view = {NULL, 0, 0}, expected = {NULL, 0, 0};
    struct dify_decoder *decoder = new_decoder();
    text_add_json(&json, c->json);
    assert_int_equal(dify_decoder_decode(decoder, text_slice(&json), &event, NULL), DIFY_OK);
    assert_int_equal(event->type, c->type);
    assert_bytes(event->json, text_slice(&json));
    if (c->view != NULL) {
        show_event(&view, event);
        text_add_json(&expected, c->view);
        assert_bytes(text_slice(&view), text_slice(&expected));
    }
    dify_decoder_free(decoder);
    text_fini(&json);
    text_fini(&view);
    text_fini(&expected);
}

static void test_type_names(void **state)
{
    (void)state;
    struct dify_decoder *decoder = new_decoder();
    for (int type = DIFY_EVENT_UNKNOWN + 1; type <= DIFY_EVENT_ERROR; type++) {
        const struct dify_event *event = NULL;
        struct text json = {NULL, 0, 0};
        const char *name = dify_event_type_name((enum dify_event_type)type);
        text_addf(&json, "{\"event\":\"%s\"}", name);
        assert_int_equal(dify_decoder_decode(decoder, text_slice(&json), &event, NULL), DIFY_OK);
        assert_int_equal(event->type, type);
        assert_slice(event->name, name);
        text_fini(&json);
    }
    assert_string_equal(dify_event_type_name(DIFY_EVENT_UNKNOWN), "unknown");
    assert_string_equal(dify_event_type_name((enum dify_event_type)9999), "unknown");
    assert_string_equal(dify_event_type_name(DIFY_EVENT_LOOP_NEXT), "loop_next");
    dify_decoder_free(decoder);
}

/* Nothing of an event is left in the view of the next one. */
static void test_views_do_not_mix(void **state)
{
    (void)state;
    struct dify_decoder *decoder = new_decoder();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dify_event *event = NULL;
        struct text json = {NULL, 0, 0}, view = {NULL, 0, 0};
        text_add_json(&json, cases[i].json);
        assert_int_equal(dify_decoder_decode(decoder, text_slice(&json), &event, NULL), DIFY_OK);
        assert_int_equal(dify_decoder_decode(decoder, slice_of("{}"), &event, NULL), DIFY_OK);
        show_event(&view, event);
        assert_slice(text_slice(&view), "");
        assert_slice(event->data_json, NULL);
        text_fini(&json);
        text_fini(&view);
    }
    dify_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_views_do_not_mix),
    };
    int failed = run_cases("event, views", cases, COUNT_OF(cases), sizeof cases[0], run_case);
    return failed + cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
