/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.h: the commands, each in a file of its own.
 */
#ifndef DIFY_CLI_COMMANDS_H
#define DIFY_CLI_COMMANDS_H

#include "cli/args.h"

extern const struct cli_option cli_fold_options[];
int cli_run_fold(const struct cli_args *args);

extern const struct cli_option cli_sse_options[];
int cli_run_sse(const struct cli_args *args);

extern const struct cli_option cli_events_options[];
int cli_run_events(const struct cli_args *args);

extern const struct cli_option cli_chat_options[];
int cli_run_chat(const struct cli_args *args);

extern const struct cli_option cli_resume_options[];
int cli_run_resume(const struct cli_args *args);

extern const struct cli_option cli_run_options[];
int cli_run_run(const struct cli_args *args);

extern const struct cli_option cli_serve_options[];
int cli_run_serve(const struct cli_args *args);

extern const struct cli_option cli_sim_options[];
int cli_run_sim(const struct cli_args *args);

extern const struct cli_option cli_store_options[];
int cli_run_store(const struct cli_args *args);

extern const struct cli_option cli_token_options[];
int cli_run_token(const struct cli_args *args);

extern const struct cli_option cli_show_options[];
int cli_run_show(const struct cli_args *args);

extern const struct cli_option cli_stop_options[];
int cli_run_stop(const struct cli_args *args);

extern const struct cli_option cli_list_options[];
int cli_run_list(const struct cli_args *args);

extern const struct cli_option cli_upload_options[];
int cli_run_upload(const struct cli_args *args);

extern const struct cli_option cli_form_options[];
int cli_run_form(const struct cli_args *args);

extern const struct cli_option cli_doctor_options[];
int cli_run_doctor(const struct cli_args *args);

extern const struct cli_option cli_params_options[];
int cli_run_params(const struct cli_args *args);

#endif
