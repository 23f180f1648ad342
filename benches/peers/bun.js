// Bun's server, which is uWebSockets inside: publish to a topic, without compression, one process.
const port = Number(process.argv[2]);
const server = Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(request, server) {
    if (server.upgrade(request)) return;
    return new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    // What a reader that is behind may have waiting before messages are dropped for it.
    backpressureLimit: 64 << 20,
    open: (socket) => socket.subscribe('load'),
    message() {},
  },
});

const decoder = new TextDecoder();
Bun.listen({
  hostname: '127.0.0.1',
  port: port + 1,
  socket: {
    open: (socket) => void (socket.data = ''),
    data(socket, bytes) {
      const lines = (socket.data + decoder.decode(bytes, { stream: true })).split('\n');
      socket.data = lines.pop();
      for (const line of lines) server.publish('load', line);
    },
  },
});
