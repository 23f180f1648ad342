"""FastAPI on uvicorn (uvloop, httptools, one process): Server-Sent Events from a queue per client."""

import asyncio
import sys
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

PORT = int(sys.argv[1])
queues: set[asyncio.Queue[str]] = set()


async def take_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        event = f"data: {line.decode()}\n"
        for queue in queues:
            queue.put_nowait(event)
    writer.close()


@asynccontextmanager
async def lifespan(_app: FastAPI):
    server = await asyncio.start_server(take_lines, "127.0.0.1", PORT + 1, limit=1 << 20)
    yield
    server.close()


app = FastAPI(lifespan=lifespan)


@app.get("/events")
async def events() -> StreamingResponse:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queues.add(queue)

    async def stream():
        try:
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)

    return StreamingResponse(stream(), media_type="text/event-stream")


uvicorn.run(app, host="127.0.0.1", port=PORT, backlog=4096, log_level="warning", access_log=False)
