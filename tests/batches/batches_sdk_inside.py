"""Run where an official SDK is installed: it submits a batch of its own, and reads one of ours."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import json
import sys
from typing import Any


def anthropic(url: str, id: str) -> Any:
    from anthropic import Anthropic

    client = Anthropic(base_url=url, api_key="k", max_retries=0)
    params: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hm"}]}
    client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    batch = client.messages.batches.retrieve(id)
    found = {line.custom_id: line.result.type for line in client.messages.batches.results(id)}
    return {"state": batch.processing_status, "items": found}


def gemini(url: str, id: str) -> Any:
    from google import genai

    client = genai.Client(api_key="k", http_options={"base_url": url, "api_version": "v1beta"})
    asked: Any = {
        "contents": [{"role": "user", "parts": [{"text": "hm"}]}],
        "metadata": {"key": "a"},
    }
    client.batches.create(model="m", src=[asked], config={"display_name": "b-theirs"})
    batch = client.batches.get(name=id)
    answers = batch.dest.inlined_responses
    found = {each.metadata["key"]: "succeeded" for each in answers if each.response is not None}
    return {"state": batch.state.name, "items": found}


def mistral(url: str, id: str) -> Any:
    from mistralai.client import Mistral

    client = Mistral(api_key="k", server_url=url)
    line = {"custom_id": "a", "body": {"messages": [{"role": "user", "content": "hm"}]}}
    file: Any = {"file_name": "x.jsonl", "content": json.dumps(line).encode()}
    up = client.files.upload(file=file, purpose="batch")
    client.batch.jobs.create(
        input_files=[up.id],
        model="m",
        endpoint="/v1/chat/completions",
        metadata={"seawall": "b-theirs"},
    )
    job = client.batch.jobs.get(job_id=id)
    lines = client.files.download(file_id=job.output_file).read().splitlines()
    found = {json.loads(line)["custom_id"]: "succeeded" for line in lines}
    return {"state": job.status, "items": found}


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    ask = {"anthropic": anthropic, "gemini": gemini, "mistral": mistral}[name]
    print(json.dumps(ask(*rest)))
