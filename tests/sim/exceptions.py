"""The recordings that the simulator does not answer as recorded, with the reason of each.

A line is a pattern for "RELEASE NAME" and the reason. Each pattern must fit a recording, and a
recording that is answered as recorded must not stand here: the list may not be longer than it is.
"""

HISTORY = "lists of conversations and their variables are not simulated"
CUT = "a chat whose client has left stores no answer; the simulator's run goes on to its end"
THOUGHTS = "what an agent thought is not in the history"
SURROGATE = "a lone surrogate has no place in YAML, so a scenario cannot hold this output"
REMOTE = "the simulator does not fetch remote files: it knows neither their size nor their type"
LEFT = "no answer was recorded: the recorder left, or the API process was killed, before one came"
PROMPT = "1.14.2 shows a snapshot's form unrendered; a recorded run knows the rendered text only"
RESUMED = "1.16.1 aborts a resumed workflow in a race with its own reader: the row goes through " \
    "other states than the events tell"

EXCEPTIONS = [
    ("1.1?.? */conversations", HISTORY),
    ("1.14.2 basic-chat/cut-messages", CUT),
    ("1.16.1 chat-slow/reconnect-plain-messages", CUT),
    ("1.16.1 new-agent/cut-messages", CUT),
    ("1.1?.? chat-human/messages-*", "the forms of a conversation's pauses are not in its history"),
    ("1.14.2 chat-var/messages", "its third turn was not recorded as a stream"),
    ("1.16.1 new-agent/messages", THOUGHTS),
    ("1.16.1 new-agent/stopped-messages", THOUGHTS),
    ("1.1?.? chat-var/conversation-variables", HISTORY),

    ("1.1?.? code-surrogate/blocking", SURROGATE),
    ("1.1?.? code-surrogate/detail", SURROGATE),
    ("1.16.1 fallback-events/surrogate-detail", SURROGATE),

    ("1.1?.? echo-all/remote-url-streaming", REMOTE),
    ("1.1?.? echo-all/remote-url-detail", REMOTE),
    ("1.1?.? echo-all/remote-url-404-blocking", REMOTE),
    ("1.16.1 echo-all/remote-url-404-streaming", REMOTE),
    ("1.14.2 http-png/file-download*", "files that a run made are not kept: /files is not served"),

    ("1.1?.? disconnect/blocking-cut/blocking-cut", LEFT),
    ("1.14.2 kill-api-worker/blocking", LEFT),
    ("1.14.2 slow-reader/streaming", "only the last 1500 bytes of the body were kept"),
    ("1.14.2 kill-celery-worker/events-snapshot-worker-back",
     "the worker died between telling an event and storing it; the simulator does both at once"),

    ("1.14.2 human-input/approve/events-paused-snapshot", PROMPT),
    ("1.14.2 human-input/approve/events-resume-snapshot-continue", PROMPT),
    ("1.14.2 human-input/timeout/events-snapshot-continue", PROMPT),
    ("1.14.2 chat-human/events-continue", PROMPT),
    ("1.14.2 human-input/stop-while-paused/detail-final",
     "what this run did after its form was not recorded"),
    ("1.16.1 human-input/stop-while-paused/detail-final",
     "what this run did after its form was not recorded"),
    ("1.16.1 human-input/submit-then-events/detail-final",
     "what this run did after its form was not recorded"),
    ("1.16.1 human-input/approve/detail-final", RESUMED),
    ("1.16.1 human-input/approve/events-after-finish", RESUMED),
    ("1.16.1 human-input/submit-then-events-plain/detail-final", RESUMED),

    ("1.12.1 basic-chat/blocking",
     "a mistake of 1.12.1: a blocking answer holds the first piece of the text and no usage"),
    ("1.12.1 basic-completion/blocking",
     "a mistake of 1.12.1: a blocking answer holds the first piece of the text and no usage"),
    ("1.14.2 basic-chat/empty-blocking",
     "the blocking answer writes a zero price as 0.0000000 where the stream has 0E-7"),
    ("1.16.1 basic-chat-moderated/input-blocking",
     "the blocking answer has two members of usage, both null, that the stream leaves out"),
    ("1.14.2 http-level/http10-*",
     "the status line names the server's own version, HTTP/1.1 (RFC 9110 section 6.2); gunicorn "
     "repeats the client's"),
    ("1.14.2 http-level/expect-100",
     "100 Continue is left out where the body has come with the head (RFC 9110 section 10.1.1)"),
    ("1.14.2 http-level/long-request-line",
     "a request line that is too long is not read to its end, so the page cannot name its length"),
    ("1.14.2 http-level/lf-only",
     "gunicorn waits for a carriage return; the simulator's server refuses bare line feeds"),
]
