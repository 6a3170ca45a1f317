/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h: what is wrong with a setting, in one line without a key.
 */
#ifndef DIFY_CONF_ERROR_H
#define DIFY_CONF_ERROR_H

struct conf_error {
    char text[1024];
};

#endif
