// The stream client: one connection, its newest frames, and their counts.
//
// Whatever a server or an agent says goes in as text. Frames are counted as they come and drawn
// together before the next picture of the screen, so that thousands a second do not hold it up.

const byId = (id) => document.getElementById(id);

// How many frames are kept; the oldest go. The page says the same number.
const MOST = Number(byId('most').textContent);
// How much of one frame is kept, in characters; a row says where it was cut.
const LONGEST = 100_000;
// How much of a frame its row shows.
const SHOWN = 200;
// The longest wait before a lost connection is tried again, in milliseconds.
const LONGEST_WAIT = 10_000;

// What a frame is about: its mark, and its colour by the class of the same name.
const MARKS = {
  agent: '●', task: '■', message: '▶', memory: '◆', session: '◐', provider: '▲', selfcheck: '✓', topology: '✦',
  trade: '$', config: '≡', metrics: '≈', stream: '·', sent: '↑', fault: '✕', other: '○',
};
const COUNTED = ['task', 'provider', 'selfcheck'];
// Not for what a sender names so.
const OWN = ['stream', 'sent', 'fault'];

const frames = byId('frames');
const text = (value) => (typeof value === 'string' ? value : '');
const about = (entity) => (entity && typeof entity === 'object' ? `${text(entity.kind)}:${text(entity.id)}` : '');
const group = (name) => (Object.hasOwn(MARKS, name) && !OWN.includes(name) ? name : 'other');

// What a connection says of itself, where its name does not show it.
const LIVEOPS_OWN = new Set(['welcome', 'subscribed', 'unsubscribed', 'ping', 'pong', 'replay', 'error', 'missed']);
const TRADER_OWN = new Set(['CONNECTED', 'SIMULATE_ACK']);

// Each dialect: its address; what it is pinged with; what a client says first; and what a frame is:
// its group, what it is about, whether the connection speaks of itself, and what gives its words
// where the raw text is not best. A row is made only of what is drawn, and so are the words.
const DIALECTS = {
  agentos: {
    path: '/ws/events',
    ping: { type: 'ping' },
    read: (frame) =>
      'seq' in frame
        ? { group: group(frame.type.split('.')[0]), about: about(frame.entity), words: () => JSON.stringify(frame.payload) ?? '' }
        : { group: 'stream', own: true },
  },
  liveops: {
    path: '/ws/liveops',
    ping: { type: 'ping' },
    opened: () => {
      const channels = channelBoxes.filter((box) => box.checked).map((box) => box.value);
      if (channels.length > 0) {
        send({ type: 'subscribe', channels });
      }
    },
    read: (frame) => {
      if (LIVEOPS_OWN.has(frame.type)) {
        return { group: frame.type === 'error' ? 'fault' : 'stream', own: true, about: text(frame.channel) };
      }
      return { group: group(frame.type.split(':')[0]), about: text(frame.data?.id) || text(frame.channel) };
    },
  },
  sessions: {
    path: '/ws',
    opened: () => subscribedSessions.forEach((sessionId) => send({ type: 'subscribe', sessionId })),
    read: (frame) => {
      if (frame.type === 'connected') {
        return { group: 'stream', own: true };
      }
      return { group: frame.type === 'config_changed' ? 'config' : 'session', about: text(frame.sessionId) };
    },
  },
  trader: {
    path: '/ws/trader',
    read: (frame) =>
      TRADER_OWN.has(frame.type) ? { group: 'stream', own: true } : { group: 'trade', about: text(frame.data?.mint) },
  },
  mesh: {
    path: '/api/v1/events',
    names: ['agent_registered', 'agent_updated', 'agent_health_changed', 'trust_score_changed', 'message'],
    read: (frame) => ({ group: 'agent', about: text(frame.agent_id) }),
  },
};

// ---- Frames ----

let waiting = [];
let drawing = false;
let counts;
const raws = new WeakMap();

function forget() {
  waiting = [];
  counts = { total: 0, task: 0, provider: 0, selfcheck: 0 };
  frames.replaceChildren();
  draw();
}

// Takes a frame in: counts it now, shows it before the next picture.
function take(frame) {
  if (!frame.own) {
    counts.total += 1;
    if (COUNTED.includes(frame.group)) {
      counts[frame.group] += 1;
    }
  }
  waiting.push({ at: new Date(), ...frame, raw: frame.raw.slice(0, LONGEST), length: frame.raw.length });
  // A page that nobody sees draws nothing for long: what would not be shown then goes now.
  if (waiting.length >= 2 * MOST) {
    waiting = waiting.slice(-MOST);
  }
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(draw);
  }
}

function draw() {
  drawing = false;
  const rows = waiting.slice(-MOST).reverse().map(row);
  waiting = [];
  frames.prepend(...rows);
  while (frames.childElementCount > MOST) {
    frames.lastElementChild.remove();
  }
  byId('none').hidden = frames.childElementCount > 0;
  for (const name of ['total', ...COUNTED]) {
    byId(`count-${name}`).textContent = counts[name].toLocaleString();
  }
}

function element(name, kind, words) {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = words;
  return made;
}

function row(frame) {
  const item = element('li', 'event', '');
  const line = element('button', 'line', '');
  line.type = 'button';
  line.setAttribute('aria-expanded', 'false');
  const time = element('time', '', frame.at.toISOString().slice(11, 23));
  time.dateTime = frame.at.toISOString();
  const kind = element('span', `kind d-${frame.group}`, '');
  const mark = element('span', 'mark', MARKS[frame.group]);
  mark.setAttribute('aria-hidden', 'true');
  kind.append(mark, element('span', '', ` ${frame.kind}`));
  const words = frame.words ? frame.words() : frame.raw;
  line.append(time, kind, element('span', 'about', frame.about ?? ''), element('span', 'words', words.slice(0, SHOWN)));
  item.append(line);
  raws.set(item, { raw: frame.raw, length: frame.length });
  return item;
}

frames.addEventListener('click', (event) => {
  const line = event.target.closest('.line');
  if (!line) {
    return;
  }
  const item = line.parentElement;
  const open = line.getAttribute('aria-expanded') !== 'true';
  line.setAttribute('aria-expanded', String(open));
  if (!open) {
    item.lastElementChild.remove();
    return;
  }
  const { raw, length } = raws.get(item);
  const cut = length > LONGEST ? `, cut after ${LONGEST}` : '';
  const shown = element('pre', '', raw);
  shown.tabIndex = 0;
  const payload = element('div', 'payload', '');
  payload.append(element('p', 'muted', `${length} characters${cut}`), shown);
  item.append(payload);
});

// ---- The connection ----

let chosen = 'agentos';
let link;
let standing = '';
let attempts = 0;
let retry;
let pinged;

const STANDINGS = { Connecting: 'is-connecting', Connected: 'is-live', Reconnecting: 'is-reconnecting', Disconnected: 'is-static' };

function stand(word, detail = '') {
  if (standing !== word) {
    standing = word;
    byId('connection').textContent = word;
  }
  byId('dot').className = `dot ${STANDINGS[word]}`;
  byId('detail').textContent = detail;
  const connected = word === 'Connected';
  // Not `disabled`, which would take the focus away from who has just pressed it.
  const off = (button, isOff) => button.setAttribute('aria-disabled', String(isOff));
  off(byId('connect'), connected || word === 'Connecting');
  off(byId('disconnect'), word === 'Disconnected');
  off(byId('ping'), !connected || !DIALECTS[chosen].ping);
  speakers.forEach((button) => off(button, !connected));
}

function connect(word = 'Connecting') {
  leave();
  const dialect = DIALECTS[chosen];
  const address = new URL(dialect.path, location.href);
  if (!dialect.names) {
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  }
  byId('address').textContent = address.href;
  stand(word);
  link = dialect.names ? listen(address, dialect) : converse(address, dialect);
}

// Lets go of the connection there is; what it still brings is not heard.
function leave() {
  clearTimeout(retry);
  link?.close();
  link = undefined;
  pinged = undefined;
}

function disconnect() {
  leave();
  stand('Disconnected');
}

function converse(address, dialect) {
  const socket = new WebSocket(address);
  const mine = (run) => (event) => {
    if (link === socket) {
      run(event);
    }
  };
  socket.binaryType = 'arraybuffer';
  socket.onopen = mine(() => {
    stand('Connected', dialect.ping ? '' : 'This dialect has no ping.');
    dialect.opened?.();
  });
  socket.onmessage = mine(({ data }) => {
    attempts = 0;
    if (typeof data === 'string') {
      receive(dialect, data, data);
    } else {
      take({ kind: 'binary', group: 'fault', own: true, raw: `a binary frame of ${data.byteLength} bytes` });
    }
  });
  socket.onclose = mine(({ code, reason }) => lost(`Closed with ${code}${reason ? `, ${reason}` : ''}.`));
  return socket;
}

function listen(address, dialect) {
  const source = new EventSource(address);
  source.onopen = () => {
    if (link === source) {
      attempts = 0;
      stand('Connected', 'This dialect has no ping.');
    }
  };
  source.onerror = () => {
    if (link !== source) {
      return;
    }
    if (source.readyState === EventSource.CLOSED) {
      lost('The server refused the stream.');
    } else {
      // The browser comes back by itself, and says after which id.
      stand('Reconnecting', 'The stream ended.');
    }
  };
  for (const name of dialect.names) {
    source.addEventListener(name, ({ data, lastEventId }) => {
      if (link === source) {
        const id = lastEventId ? `id: ${lastEventId}\n` : '';
        receive(dialect, data, `${id}event: ${name}\ndata: ${data}`, name);
      }
    });
  }
  return source;
}

function lost(why) {
  leave();
  // Spread, so that many pages do not come back at once.
  const wait = Math.random() * Math.min(LONGEST_WAIT, 500 * 2 ** attempts);
  attempts = Math.min(attempts + 1, 10);
  stand('Reconnecting', `${why} Next attempt in ${(wait / 1_000).toFixed(1)} s.`);
  retry = setTimeout(() => connect('Reconnecting'), wait);
}

// Makes a frame of what came: `name` where the stream says it and not the frame.
function receive(dialect, data, raw, name) {
  let frame;
  try {
    frame = JSON.parse(data);
  } catch {
    frame = undefined;
  }
  const kind = name ?? text(frame?.type);
  if (!frame || typeof frame !== 'object' || !kind) {
    take({ kind: 'unreadable', group: 'fault', own: true, raw });
    return;
  }
  const read = dialect.read(frame);
  if (kind === 'pong' && pinged !== undefined) {
    const took = (performance.now() - pinged).toFixed(1);
    read.words = () => `after ${took} ms`;
    pinged = undefined;
  }
  take({ kind, words: () => data, ...read, raw });
}

function send(frame) {
  if (standing !== 'Connected') {
    return;
  }
  const raw = JSON.stringify(frame);
  link.send(raw);
  take({ kind: 'sent', group: 'sent', own: true, about: frame.type, raw });
}

// ---- What a person may do ----

function press(button, run) {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') {
      run();
    }
  });
}

const channelBoxes = [...document.querySelectorAll('#choice-liveops input')];
for (const box of channelBoxes) {
  box.addEventListener('change', () => send({ type: box.checked ? 'subscribe' : 'unsubscribe', channel: box.value }));
}

const subscribedSessions = new Set();
function subscribe(type) {
  const sessionId = byId('session').value.trim();
  if (!sessionId) {
    byId('session').focus();
    return;
  }
  if (type === 'subscribe') {
    subscribedSessions.add(sessionId);
  } else {
    subscribedSessions.delete(sessionId);
  }
  byId('sessions').textContent = [...subscribedSessions].join(', ') || 'none, so that only config_changed comes';
  send({ type, sessionId });
}
press(byId('subscribe'), () => subscribe('subscribe'));
press(byId('unsubscribe'), () => subscribe('unsubscribe'));
byId('session').addEventListener('keydown', (event) => {
  if (event.key === 'Enter') {
    subscribe('subscribe');
  }
});

// Buttons that mean nothing without a connection.
const speakers = [...document.querySelectorAll('#choice-trader button')];
for (const button of speakers) {
  press(button, () => {
    const mint = byId('mint').value.trim();
    send({ type: 'SIMULATE', action: button.dataset.action, ...(mint && { mint }) });
  });
}

press(byId('connect'), () => connect());
press(byId('disconnect'), disconnect);
press(byId('clear'), forget);
press(byId('ping'), () => {
  pinged = performance.now();
  send(DIALECTS[chosen].ping);
});

function choose(name) {
  chosen = name;
  byId('dialect').value = name;
  for (const other of Object.keys(DIALECTS)) {
    const choice = byId(`choice-${other}`);
    if (choice) {
      choice.hidden = other !== name;
    }
  }
  attempts = 0;
  forget();
  connect();
}

byId('dialect').addEventListener('change', () => {
  const name = byId('dialect').value;
  const address = new URL(location.href);
  address.searchParams.set('dialect', name);
  history.replaceState(null, '', address);
  choose(name);
});

const asked = new URLSearchParams(location.search).get('dialect');
choose(Object.hasOwn(DIALECTS, asked ?? '') ? asked : 'agentos');
