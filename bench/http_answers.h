/* SPDX-License-Identifier: Apache-2.0
 *
 * http_answers.h: the bodies that all servers of the HTTP benchmark send.
 *
 *   /1k      a page of ANSWER_PAGE_BYTES, in one go
 *   /sse50   ANSWER_EVENTS events of ANSWER_EVENT_BYTES, all at hand when the request comes
 *   /turns   the same events, each sent by itself
 *   /idle    the first of these events; the answer then stays open
 */
#ifndef BENCH_HTTP_ANSWERS_H
#define BENCH_HTTP_ANSWERS_H

#define ANSWER_PAGE_BYTES 1024
#define ANSWER_PAGE_TYPE "application/json"
#define ANSWER_EVENTS 50
#define ANSWER_EVENT_BYTES 300
#define ANSWER_EVENT_TYPE "text/event-stream; charset=utf-8"

/* A JSON text without ', $ and \, which a configuration of nginx would not take. */
void answers_write_page(char page[ANSWER_PAGE_BYTES]);

/* An event as Dify sends for a piece of text: "data: {...}" and an empty line. */
void answers_write_event(char event[ANSWER_EVENT_BYTES], unsigned number);

#endif
