// A server of Node's ws that answers as /ws/events does, as far as the tables ask: a text that is a
// JSON object of type "ping" is answered with one of type "pong", anything else is taken in silence.
// Its argument is the folder of the package.json that brings ws; its port is its first line; it ends
// with its standard input.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { WebSocketServer } = createRequire(join(process.argv[2], 'package.json'))('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 65536, perMessageDeflate: false });

server.on('connection', (socket) => {
  // What a client does wrong is answered by the close that ws sends.
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    let message;
    try {
      message = JSON.parse(data.toString());
    } catch {
      return;
    }
    if (message?.type === 'ping') socket.send(JSON.stringify({ type: 'pong', ts: Date.now() }));
  });
});
server.on('listening', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
