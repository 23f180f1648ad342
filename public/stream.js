// Hears the stream beside the page: while the page draws, events gather here and reach it in few pieces.
//
// The page says which address to open, once. It is told events as one text, a line each; any other
// frame as a text of its own; and in the end why the connection is over, as code and reason.

// The least time between two pieces, in milliseconds: a quarter of a frame.
const APART = 4;
// So many events are a piece at most, however fast they come: the page folds a few of those in a frame.
const MOST = 1_000;
// An event begins so, and nothing else does.
const EVENT = '{"seq":';

let lines = [];
let told = 0;
let due = 0;

addEventListener('message', ({ data: address }) => {
  const socket = new WebSocket(address);
  socket.addEventListener('message', ({ data }) => hear(data));
  socket.addEventListener('close', ({ code, reason }) => {
    tell();
    postMessage([code, reason]);
  });
});

function hear(frame) {
  if (!frame.startsWith(EVENT)) {
    tell();
    return postMessage(frame);
  }
  lines.push(frame);
  const since = performance.now() - told;
  if (since >= APART || lines.length >= MOST) tell();
  else due ||= setTimeout(tell, APART - since);
}

function tell() {
  clearTimeout(due);
  due = 0;
  if (lines.length === 0) return;
  told = performance.now();
  postMessage(lines.join('\n'));
  lines = [];
}
