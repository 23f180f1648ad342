// Opens a WebSocket, sends what it is told to, and prints what comes.
//
//   node --experimental-websocket examples/watch.js URL [MESSAGE…]
//
// The flag is for Node 20; later versions have WebSocket built in.

const [url, ...messages] = process.argv.slice(2);
const socket = new WebSocket(url);
socket.onopen = () => messages.forEach((message) => socket.send(message));
socket.onmessage = (message) => console.log(message.data);
socket.onclose = (end) => console.error(`closed: ${end.code} ${end.reason}`);
