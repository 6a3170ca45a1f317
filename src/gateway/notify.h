/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.h: telling the service manager how far the gateway is, as sd_notify(3) does.
 */
#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

#include <stdint.h>

/* It serves. */
void gw_notify_ready(void);

/* It is being stopped, and may take `most_ms`: a manager that would kill it sooner waits so long.
 */
void gw_notify_stopping(uint32_t most_ms);

#endif
