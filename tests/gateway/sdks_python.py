"""A client of Dify in Python as sdks.py asks it: a call a line in, its answer a line out.

    PYTHONPATH=FOLDER python3 sdks_python.py CLIENT

A call is {"url", "key", "call": name, ...}; its answer {"value": ...}, where a stream's value is
the list of its events, or {"error": {"type", "status", "code", "message"}}. CLIENT is the package
that FOLDER has. Nothing of it is changed, and it is used as its manual says.
"""

import json
import sys

PATIENCE_S = 120  # of the clients, for a byte


def events_of(pieces):
    """The events of a stream's bytes. The clients' own reading of lines as text would split them
    at U+2028 as well, which may stand in an event."""
    frames = b"".join(pieces).split(b"\n\n")
    return [json.loads(frame[5:]) for frame in frames if frame.startswith(b"data:")]


class Refused(Exception):
    """An answer that the client leaves to its caller to look at."""

    def __init__(self, response):
        super().__init__(response.text)
        self.status_code, self.error_data = response.status_code, as_json(response)


def as_json(response):
    try:
        return response.json()
    except ValueError:
        return None


def told(error):
    """What an exception of any of the packages says."""
    said = getattr(error, "error_data", None) or getattr(error, "response", None)
    said = said if isinstance(said, dict) else {}
    status = getattr(error, "status", None) or getattr(error, "status_code", None)
    return {"type": type(error).__name__, "status": status and int(status),
            "code": getattr(error, "code", None) or said.get("code"),
            "message": getattr(error, "message", None) or said.get("message")}


class Official:
    """dify-client: answers are those of requests."""

    def __init__(self, url, key):
        import dify_client
        self.plain, self.talk, self.writer = (
            dify_client.DifyClient(key), dify_client.ChatClient(key),
            dify_client.CompletionClient(key))
        for client in (self.plain, self.talk, self.writer):
            client.base_url = url

    @staticmethod
    def read(response, mode="blocking"):
        if response.status_code >= 400:
            raise Refused(response)
        if mode == "streaming":
            return events_of(response.iter_content(None))
        return response.json()

    def parameters(self, user):
        return self.read(self.plain.get_application_parameters(user))

    def upload(self, user, path):
        with open(path, "rb") as file:
            return self.read(self.plain.file_upload(
                user, {"file": ("label.png", file, "image/png")}))

    def feedback(self, message, user):
        return self.read(self.plain.message_feedback(message, "like", user))

    def completion(self, inputs, user, mode):
        return self.read(self.writer.create_completion_message(inputs, mode, user), mode)

    def chat(self, query, user, mode, conversation=None):
        return self.read(self.talk.create_chat_message({}, query, user, mode, conversation), mode)

    def conversations(self, user):
        return self.read(self.talk.get_conversations(user))

    def messages(self, conversation, user):
        return self.read(self.talk.get_conversation_messages(user, conversation))


class Continued(Official):
    """dify-python-sdk: the official one carried on; answers are those of httpx."""

    def __init__(self, url, key):
        import dify_client
        self.plain, self.talk, self.writer, self.flow = (
            kind(key, base_url=url, timeout=PATIENCE_S) for kind in (
                dify_client.DifyClient, dify_client.ChatClient, dify_client.CompletionClient,
                dify_client.WorkflowClient))

    @staticmethod
    def read(response, mode="blocking"):
        return events_of(response.iter_bytes()) if mode == "streaming" else response.json()

    def info(self):
        return self.read(self.plain.get_app_info())

    def meta(self, user):
        return self.read(self.plain.get_meta(user))

    def site(self):
        return self.read(self.plain.get_app_site_info())

    def workflow(self, inputs, user, mode):
        return self.read(self.flow.run(inputs, mode, user), mode)

    def version(self, workflow, inputs, user, mode):
        return self.read(self.flow.run_specific_workflow(workflow, inputs, mode, user), mode)

    def result(self, run):
        return self.read(self.flow.get_result(run))

    def logs(self, user):
        return self.read(self.flow.get_workflow_logs(created_by_end_user_session_id=user))

    def stop(self, task, user, kind):
        stop = self.flow.stop if kind == "workflow" else self.talk.stop_message
        return self.read(stop(task, user))


class Typed:
    """dify-client-python: answers are models of pydantic."""

    def __init__(self, url, key):
        import dify_client
        self.models = dify_client.models
        self.client = dify_client.Client(api_key=key, api_base=url)

    @staticmethod
    def read(answer, mode="blocking"):
        if mode == "streaming":
            return [event.model_dump(mode="json") for event in answer]
        return answer.model_dump(mode="json")

    def upload(self, user, path):
        with open(path, "rb") as file:
            return self.read(self.client.upload_files(
                ("label.png", file, "image/png"), self.models.UploadFileRequest(user=user)))

    def feedback(self, message, user):
        return self.read(self.client.feedback_messages(
            message, self.models.FeedbackRequest(rating="like", user=user)))

    def completion(self, inputs, user, mode):
        return self.read(self.client.completion_messages(self.models.CompletionRequest(
            inputs=inputs, user=user, response_mode=mode), timeout=PATIENCE_S), mode)

    def chat(self, query, user, mode, conversation=""):
        return self.read(self.client.chat_messages(self.models.ChatRequest(
            query=query, user=user, response_mode=mode, conversation_id=conversation),
            timeout=PATIENCE_S), mode)

    def workflow(self, inputs, user, mode):
        return self.read(self.client.run_workflows(self.models.WorkflowsRunRequest(
            inputs=inputs, user=user, response_mode=mode), timeout=PATIENCE_S), mode)

    def stop(self, task, user, kind):
        stop = self.client.stop_workflows if kind == "workflow" else self.client.stop_chat_messages
        return self.read(stop(task, self.models.StopRequest(user=user)))


CLIENTS = {"dify-client": Official, "dify-python-sdk": Continued, "dify-client-python": Typed}


def main(name):
    clients = {}
    for line in sys.stdin:
        words = json.loads(line)
        whose = words.pop("url"), words.pop("key")
        if whose not in clients:
            clients[whose] = CLIENTS[name](*whose)
        try:
            answer = {"value": getattr(clients[whose], words.pop("call"))(**words)}
        except Exception as error:  # whatever the package throws is its answer
            answer = {"error": told(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
