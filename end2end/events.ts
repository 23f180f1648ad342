/** An event as a reporter sends it. */
export interface Draft {
  type: string;
  entity?: { kind: string; id: string };
  payload?: Record<string, unknown>;
  ts?: string;
  source?: string;
}

type Payload = Record<string, unknown>;

function about(kind: string) {
  return (action: string, id: string, payload: Payload = {}): Draft => ({
    type: `${kind}.${action}`,
    entity: { kind, id },
    payload,
  });
}

export const agent = about('agent');
export const task = about('task');
export const message = about('message');
export const session = about('session');
export const provider = about('provider');
export const selfcheck = about('selfcheck');
export const trade = about('trade');

export function registered(id: string, name = id, more: Payload = {}): Draft {
  return agent('registered', id, { name, agent_type: 'worker', ...more });
}

export function memory(action: string, namespace: string, key: string, more: Payload = {}): Draft {
  return { type: `memory.${action}`, payload: { namespace, key, latency_ms: 1.5, cache_hit: true, ...more } };
}

/** A session that another program runs asks a person; the request waits for an hour. */
export function asks(id: string, request: string, command: string, more: Payload = {}): Draft {
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  return session('permission_requested', id, { request_id: request, tool_name: 'Bash', command, expires_at, ...more });
}

export function topology(kind: string, ids: string[], edges: [string, string, number][]): Draft {
  const nodes = ids.map((id) => ({ id, name: id, type: 'worker', status: 'active' }));
  const links = edges.map(([source, target, health]) => ({ source, target, health }));
  return { type: 'topology.changed', payload: { topology: kind, nodes, edges: links } };
}

/** So many events of a kind that the catalogue does not know. */
export function ticks(many: number, first = 1): Draft[] {
  return Array.from({ length: many }, (_, index) => ({ type: 'probe.ticked', payload: { n: first + index } }));
}

/** A small swarm in which everything that a page can show occurs. */
export function swarm(): Draft[] {
  return [
    registered('lead', 'Lead', { agent_type: 'coordinator', version: '1.2.0', capabilities: ['plan', 'review'] }),
    registered('ada', 'Ada', { agent_type: 'coder', parent: 'lead', host: 'build-1' }),
    registered('bob', 'Bob', { agent_type: 'researcher', parent: 'lead' }),
    registered('cy', 'Cy', { agent_type: 'tester', parent: 'lead' }),
    registered('dee', 'Dee', { agent_type: 'writer', parent: 'ada' }),
    agent('status_changed', 'ada', { status: 'busy', task: 'build', metrics: { cpu: 42.5, memory: 300_000_000 } }),
    agent('status_changed', 'bob', { status: 'error', reason: 'the index is gone' }),
    agent('health_changed', 'cy', { status: 'offline', previous: 'healthy' }),
    agent('trust_changed', 'ada', { score: 0.55, previous: 0.5, delta: 0.05, reason: 'success' }),
    agent('status_changed', 'dee', { status: 'stopped', reason: 'done for today' }),
    task('created', 'plan', { description: 'Plan the release', priority: 2 }),
    task('created', 'build', { description: 'Build the release', parent: 'plan' }),
    task('created', 'test', { description: 'Test the release' }),
    task('created', 'write', { description: 'Write the notes' }),
    task('created', 'drop', { description: 'Drop the old index' }),
    task('created', 'look', { description: 'Look it up' }),
    task('assigned', 'build', { agent: 'ada' }),
    task('started', 'build', { agent: 'ada', title: 'Build' }),
    task('progress', 'build', { progress: 40, message: 'Compiling' }),
    task('assigned', 'test', { agent: 'cy' }),
    task('started', 'look', { agent: 'bob' }),
    task('failed', 'look', { error: 'the index is gone' }),
    task('started', 'write', { agent: 'dee' }),
    task('completed', 'write', { duration_ms: 900, result: 'Four pages' }),
    task('cancelled', 'drop', { reason: 'not now' }),
    message('sent', 'm1', { from: 'lead', to: 'ada', message_type: 'task', content: 'Build it, please', size: 16 }),
    message('sent', 'm2', { from: 'ada', to: '*', message_type: 'broadcast', content: 'The build runs', size: 14 }),
    memory('stored', 'notes', 'release', { value: { step: 'Build it', days: 2 } }),
    memory('retrieved', 'notes', 'release'),
    provider('status_changed', 'ollama', { state: 'READY', endpoint: 'http://localhost:11434', latency_ms: 12 }),
    provider('status_changed', 'openai', { state: 'ERROR', endpoint: 'https://models.example', last_error: 'refused' }),
    session('started', 's1', { title: 'Pair up', agent: 'lead', permission_mode: 'ask' }),
    session('prompted', 's1', { text: 'Build it anew', by: 'me' }),
    session('text_delta', 's1', { turn_id: 't1', delta: 'I look at ' }),
    session('text_completed', 's1', { turn_id: 't1', text: 'I look at what is there.', intermediate: true }),
    session('tool_started', 's1', { tool_use_id: 'u1', tool_name: 'List', input: { path: '.' } }),
    session('tool_finished', 's1', { tool_use_id: 'u1', tool_name: 'List', result: 'build', is_error: false }),
    session('tool_started', 's1', { tool_use_id: 'u2', tool_name: 'Read', input: { path: 'build/log' } }),
    session('tool_finished', 's1', { tool_use_id: 'u2', tool_name: 'Read', result: 'no such file', is_error: true }),
    asks('s1', 'r1', 'rm -rf build', { description: 'Clean up' }),
    session('started', 's2', { title: 'Look around', permission_mode: 'deny' }),
    session('failed', 's2', { error: 'the driver is gone' }),
    selfcheck('started', 'c1'),
    selfcheck('completed', 'c1', { summary: 'all is well', checks: [{ name: 'log', ok: true }] }),
    selfcheck('started', 'c2'),
    selfcheck('progress', 'c2', { progress: 40, message: 'asks the providers' }),
    trade('analysis_started', 'M1', { mint: 'M1' }),
    trade('safety_checked', 'M1', { mint: 'M1', result: { is_safe: true, risks: [] } }),
    trade('decided', 'M1', { mint: 'M1', decision: { should_trade: true, side: 'BUY', amount: 2, reasons: ['it is safe'] } }),
    trade('executed', 'M1', { mint: 'M1', side: 'BUY', signature: 'sim-1', amount: 2, price: 0.5, tokens: 4 }),
    trade('safety_checked', 'M2', { mint: 'M2', result: { is_safe: false, risks: ['its mint is open'] } }),
    topology('hierarchical', ['lead', 'ada', 'bob', 'cy', 'dee'], [
      ['lead', 'ada', 1],
      ['lead', 'bob', 0.4],
      ['lead', 'cy', 0.8],
      ['ada', 'dee', 1],
    ]),
    { type: 'deploy.finished', payload: { environment: 'staging' } },
  ];
}

/** The same swarm an hour and a half ago: nothing of it changes while a test looks at it, nor do words for its age. */
export function stillSwarm(): Draft[] {
  const began = Date.now() - 5_430_000;
  return swarm().map((event, index) => ({ ...event, ts: new Date(began + index * 10).toISOString() }));
}
