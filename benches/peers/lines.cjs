// Calls back with each line of text that comes in over plain TCP, as one piece.
const net = require('net');

exports.lines = (port, each) => {
  net
    .createServer((socket) => {
      let rest = '';
      socket.setEncoding('utf8');
      socket.on('error', () => {});
      socket.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) each(line);
      });
    })
    .listen(port, '127.0.0.1');
};
