#!/usr/bin/env python3
"""A small agent for the `command` driver: NDJSON on standard output, answers on standard input.

    [[sessions.drivers]]
    name = "example"
    kind = "command"
    program = "python3"
    args = ["examples/sessions/agent.py"]

It says each message back word by word. A message that begins with `run ` asks for permission first.
"""

import json
import sys


def say(**event):
    print(json.dumps(event), flush=True)


def listen():
    """The next object from standard input; the end of the input ends the program."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def speak(turn, text):
    for word in text.split(" "):
        say(type="text_delta", turnId=turn, delta=word + " ")
    say(type="text_complete", turnId=turn, text=text + " ")


def ask(request, command):
    say(type="permission_request", requestId=request, toolName="Shell", command=command, description="You asked for it")
    while True:
        answer = listen()
        if answer.get("type") == "permission_response" and answer.get("requestId") == request:
            return answer["allowed"]


def main():
    turns = 0
    while True:
        order = listen()
        if order.get("type") != "message":
            continue
        turns += 1
        turn, text = str(turns), order["message"]
        if text.startswith("run "):
            command = text.removeprefix("run ")
            if ask(f"request-{turns}", command):
                say(type="tool_start", toolUseId=f"use-{turns}", toolName="Shell", toolInput={"command": command}, turnId=turn)
                # A real agent would run it; this one only says so.
                say(type="tool_result", toolUseId=f"use-{turns}", toolName="Shell", result="not really run", turnId=turn)
                speak(turn, "It is done.")
            else:
                speak(turn, "I may not.")
        else:
            speak(turn, f"You said: {text}")
        say(type="complete")


if __name__ == "__main__":
    main()
