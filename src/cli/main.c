/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: the commands, and finding the one that is asked for.
 */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/output.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_option no_options[] = {{NULL, 0, NULL, NULL, NULL}};

const struct cli_command cli_commands[] = {
    {"run", "", 0, NULL, "run an app and follow the run to its one result",
     "Runs the app that the settings say, whatever its kind, and prints the one result on standard "
     "output. The run's progress is shown on standard error, and first an id by which 'difystream "
     "resume' takes the run up when this command was killed. Inputs are held against the app's "
     "form "
     "before anything is sent. A broken connection is taken up again; no run is started twice.\n\n"
     "Ctrl-C stops the run at Dify and waits for its end; once more, or SIGTERM, leaves it running "
     "and says how to take it up. When standard output is closed early, the run is followed to its "
     "end all the same, and its result is kept.\n\n"
     "For example: difystream run -i topic=tea -i picture=@label.png",
     cli_run_options, cli_run_run, true},
    {"resume", "[RUN]", 1, NULL, "take up a run whose command was killed or left it",
     "Goes on with a run from what was seen of it, to the same result as if nothing had happened. "
     "RUN is the id that 'difystream run' printed, or Dify's workflow_run_id, or the beginning of "
     "either. Without RUN the runs that can be taken up are listed. Nothing is ever started by "
     "it.\n\n"
     "The address comes from the run's journal where the settings name none; the key always comes "
     "from the settings. A run that was started elsewhere is taken up by Dify's id and --user.",
     cli_resume_options, cli_run_resume, true},
    {"chat", "TEXT", 1, NULL, "send one message to a chat app and print the answer",
     "Sends TEXT to a chatflow, chat or agent app and prints its answer. The conversation's id is "
     "told on standard error; --conversation goes on with it. A conversation belongs to its user: "
     "name one with --user, or in the configuration, to be able to go on.",
     cli_chat_options, cli_run_chat, true},
    {"fold", "[FILE|-]", 1, NULL, "fold a recorded event stream into one result",
     "Reads the event stream of a Dify app from FILE, or from standard input, and prints the one "
     "result that it stands for: JSON, indented on a terminal and in one line elsewhere. The exit "
     "status is that of the result.",
     cli_fold_options, cli_run_fold, false},
    {"sse", "[FILE|-]", 1, NULL, "show the server-sent events of a stream, one JSON line each",
     "Reads an event stream by the WHATWG algorithm and prints each dispatched event as one JSON "
     "line {\"type\":...,\"data\":...,\"id\":...}, before more input is read. Events of any server "
     "will do.",
     cli_sse_options, cli_run_sse, false},
    {"events", "[FILE|-]", 1, NULL, "show Dify's events of a stream, one JSON line each",
     "Reads the event stream of a Dify app and prints each event as one JSON line "
     "{\"offset\":...,\"type\":...,\"data\":...}: where it begins in the stream, its type, and its "
     "data unchanged. Pings are no events; data that is no JSON object is named on standard error.",
     cli_events_options, cli_run_events, false},
    {"show", "RUN", 1, NULL, "show what Dify has stored of a run",
     "Prints the detail of the run with the id RUN: its status, times, steps, tokens, inputs and "
     "outputs. Where Dify has the inputs or outputs as a text that holds JSON, the object itself "
     "is shown. The exit status is 3 if the app has no such run, whatever became of the run "
     "itself otherwise.\n\n"
     "A run that was stopped, or whose worker died, may be stored as running for ever.",
     cli_show_options, cli_run_show, true},
    {"stop", "TASK", 1, NULL, "ask Dify to stop a run",
     "Asks Dify to stop the run with the task id TASK, and prints its answer. It promises little: "
     "Dify says success also of a task that it does not know, or that has ended; it does not check "
     "whose the task is; it does not stop a run that is paused. A run that is stopped ends a "
     "second or two later, as 'stopped' or as 'failed' with \"User requested stop\", and some "
     "releases go on to store it as running.",
     cli_stop_options, cli_run_stop, true},
    {"params", "", 0, NULL, "show the inputs that an app takes",
     "Prints the form of the app: a line for each input with its name, type, whether it is "
     "required, its default, what it takes (options of a select, kinds of files, how much) and its "
     "label.",
     cli_params_options, cli_run_params, true},
    {"list", "", 0, NULL, "list the runs of an app that Dify has stored",
     "Prints the runs that Dify keeps in the app's logs, newest first: when each began (by the "
     "clock of this machine), its status, seconds, tokens and steps, whom it was for, and its id, "
     "for 'difystream show'. Runs that have not ended are among them.\n\n"
     "Failures of the last day: difystream list --status failed --after 1d --all",
     cli_list_options, cli_run_list, true},
    {"upload", "FILE...", CLI_OPERANDS_MAX, NULL, "give files to Dify, for runs that take them",
     "Uploads each FILE ('-': standard input) and prints Dify's answer as one JSON line: its id, "
     "name, size and type. What cannot be read, or is refused, is told, and the others are sent "
     "all the same; the exit status is that of the first that failed. Files go as they are read, "
     "however large they are; how large they may be is up to Dify.",
     cli_upload_options, cli_run_upload, true},
    {"form", "TOKEN", 1, NULL, "show or submit the form of a run that waits for a person",
     "Shows the form with the token TOKEN, which stands in the result of a run that is paused: its "
     "text, its inputs, the ids of its actions and how long it is open. With --submit it is "
     "submitted, and the run goes on.\n\n"
     "For example: difystream form TOKEN --submit approve --input comment='as it is'",
     cli_form_options, cli_run_form, true},
    {"doctor", "", 0, NULL, "check step by step whether an app can be talked to",
     "Prints a line for each check, with the time that it took and how to mend what is wrong: the "
     "settings and where they come from, a proxy, the host's name, TCP, TLS, HTTP and whether it "
     "is Dify, the key, the app and its mode, the release of Dify and what that can do, the app's "
     "inputs, the first byte of a stream (of a run that has ended), and the server's clock. No run "
     "is started.\n\n"
     "The exit status is 0 if all is well, 7 if the server could not be reached, 3 if the key was "
     "refused, 2 if a setting is missing, and 1 if anything else is wrong.",
     cli_doctor_options, cli_run_doctor, true},
    {"serve", "", 0, NULL, "serve apps to front ends and keep every run",
     "Takes forms and JSON over HTTP, runs them in Dify apps and answers with the one result, or "
     "with the live events. What was accepted is kept in a store: no death of a connection, of a "
     "client, of Dify's side or of this process loses a run or starts one twice.\n\n"
     "One app is taken from the environment, as by 'difystream run'; several from a file, which "
     "docs/serve.md describes. SIGTERM lets live runs end, or leaves them to the next start.\n\n"
     "For example: DIFY_BASE_URL=https://dify.example/v1 DIFY_API_KEY=app-... difystream serve\n\n"
     "and then: curl -F picture=@label.jpg http://127.0.0.1:8000/api/detect",
     cli_serve_options, cli_run_serve, false},
    {"store", "check|export|prune FILE", 2, NULL, "look after the runs that a gateway keeps",
     "check tells what is wrong with the store in FILE, and which of its runs are open; the exit "
     "status is 1 if anything is wrong. export prints a JSON line for each run, the oldest first. "
     "Both only read, also while a gateway has the store open.\n\n"
     "prune removes runs that have ended and makes the file smaller; a gateway must not have it "
     "open. Open runs stay. What a gateway is to keep, its configuration says.\n\n"
     "For example: difystream store export --since 1d --events runs.db",
     cli_store_options, cli_run_store, false},
    {"token", "new|hash", 1, "new|hash", "make access tokens of a gateway",
     "new makes an access token and prints it, this once, on standard output; the lines that the "
     "gateway's configuration needs go to standard error. There only the token's hash stands, so "
     "that reading the file lets nobody in. Below it may stand which apps the token may use and "
     "which paths it may ask for; docs/serve.md describes them. hash prints the hash of a token "
     "that there is already, from standard input.\n\n"
     "For example: difystream token new --name front-end",
     cli_token_options, cli_run_token, false},
    {"sim", "[SCENARIO]...", CLI_OPERANDS_MAX, NULL,
     "serve a simulated Dify, with faults on demand",
     "Serves Dify's service API for the apps of each SCENARIO, a YAML file or a folder with a "
     "recorded answer, as one release of Dify does, until it is told to break. Without SCENARIO "
     "the "
     "apps of examples/sim/described.yaml are served; their keys are printed. Runs go on without "
     "their clients; GET /sim/stats tells how many were started with which inputs. A request may "
     "bring its own fault in the field X-Sim-Fault. The scenarios and faults are described in "
     "docs/simulator.md.",
     cli_sim_options, cli_run_sim, false},
    {"help", "[COMMAND]", 1, NULL, "show the help of a command",
     "Shows the same as --help, or as --help behind COMMAND.", no_options, cli_run_help, false},
    {"completion", "bash|zsh|fish", 1, "bash|zsh|fish", "print a shell's completion script",
     "Prints the script that completes difystream's commands and options in a shell. For bash: "
     "source <(difystream completion bash)",
     no_options, cli_run_completion, false},
    {"man", "", 0, NULL, "print the man page",
     "Prints the manual page as roff. To read it: difystream man | man -l -", no_options,
     cli_run_man, false},
    {NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false},
};

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            cli_help_command(stdout, command);
            return CLI_EXIT_OK;
        }
    }
    return cli_args_read(command, argc, argv, &args) ? command->run(&args) : CLI_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        cli_help(stderr);
        return CLI_EXIT_USAGE;
    }
    if (is_help(argv[1])) {
        cli_help(stdout);
        return CLI_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        cli_version(stdout);
        return CLI_EXIT_OK;
    }
    const struct cli_command *command = cli_find_command(argv[1]);
    if (command == NULL) {
        cli_complain(NULL, "unknown %s '%s'; see 'difystream --help'",
                     argv[1][0] == '-' ? "option" : "command", argv[1]);
        return CLI_EXIT_USAGE;
    }
    return run_command(command, argc - 2, argv + 2);
}

/* The user's encoding; UTF-8 where the environment names none, as in a container. */
static void set_encoding(void)
{
    bool is_named =
        getenv("LC_ALL") != NULL || getenv("LC_CTYPE") != NULL || getenv("LANG") != NULL;
    (void)setlocale(LC_CTYPE, is_named ? "" : "C.UTF-8");
}

/* A file that is opened must never get the number of a standard stream that was closed: what is
 * meant for that stream would go into the file. Read-only, so that writing to it still fails. */
static void open_standard_streams(void)
{
    int fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    open_standard_streams();
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write */
    set_encoding();
    int status = run(argc, argv);
    return cli_output_finish() ? status : CLI_EXIT_USAGE;
}
