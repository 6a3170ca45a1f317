/* SPDX-License-Identifier: Apache-2.0
 *
 * list.h: doubly linked lists whose links are members of what they link. A link in no list points
 * at itself, so taking it out twice does no harm.
 */
#ifndef HTTP_LIST_H
#define HTTP_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct http_link {
    struct http_link *prev, *next;
};

/* The struct that has `link` as its member `member`. */
#define HTTP_LINKED(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void http_list_init(struct http_link *list)
{
    list->prev = list->next = list;
}

static inline bool http_list_is_empty(const struct http_link *list)
{
    return list->next == list;
}

static inline void http_list_remove(struct http_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    http_list_init(link);
}

/* Puts `link`, which is in no list, at the end. */
static inline void http_list_append(struct http_link *list, struct http_link *link)
{
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

#endif
