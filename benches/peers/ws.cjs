// Node's `ws`: the broadcast of its README, without compression, one process.
const { WebSocketServer, WebSocket } = require('ws');
const { lines } = require('./lines.cjs');

const port = Number(process.argv[2]);
const server = new WebSocketServer({ host: '127.0.0.1', port, backlog: 4096, perMessageDeflate: false });
server.on('connection', (socket) => socket.on('error', () => {}));
lines(port + 1, (line) => {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(line);
  }
});
