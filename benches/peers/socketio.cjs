// Socket.IO: `emit` to everybody, WebSocket transport only, without compression, one process.
const { createServer } = require('http');
const { Server } = require('socket.io');
const { lines } = require('./lines.cjs');

const port = Number(process.argv[2]);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false });
http.listen(port, '127.0.0.1', 4096);
lines(port + 1, (line) => io.emit('event', line));
