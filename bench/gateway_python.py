"""What both back ends in Python do with an order and with events."""


def order_of(body):
    return {"inputs": body["inputs"], "user": body["user"], "response_mode": "streaming"}


class Result:
    """What became of a run, from its events."""

    def __init__(self):
        self.found = {"success": False, "workflow_outputs": {}, "node_outputs": {}}
        self.text = []

    def take(self, event):
        kind, data = event["event"], event.get("data", {})
        if kind == "text_chunk":
            self.text.append(data["text"])
        elif kind == "workflow_started":
            self.found["workflow_run_id"] = event["workflow_run_id"]
        elif kind == "node_finished":
            self.found["node_outputs"][data["node_id"]] = data["outputs"]
        elif kind == "workflow_finished":
            self.found.update(success=data["status"] == "succeeded", status=data["status"],
                              workflow_outputs=data["outputs"], total_tokens=data["total_tokens"],
                              total_steps=data["total_steps"], elapsed_time=data["elapsed_time"])

    def whole(self):
        return {**self.found, "text": "".join(self.text)}
