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

export function registered(id: string, name = id, more: Payload = {}): Draft {
  return agent('registered', id, { name, agent_type: 'worker', ...more });
}

export function memory(action: string, namespace: string, key: string): Draft {
  return { type: `memory.${action}`, payload: { namespace, key, latency_ms: 1.5, cache_hit: true } };
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
  const soon = new Date(Date.now() + 3_600_000).toISOString();
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
    memory('stored', 'notes', 'release'),
    memory('retrieved', 'notes', 'release'),
    provider('status_changed', 'ollama', { state: 'READY', endpoint: 'http://localhost:11434', latency_ms: 12 }),
    provider('status_changed', 'openai', { state: 'ERROR', endpoint: 'https://models.example', last_error: 'refused' }),
    session('started', 's1', { title: 'Pair up', agent: 'lead', permission_mode: 'ask' }),
    session('permission_requested', 's1', {
      request_id: 'r1',
      tool_name: 'Bash',
      command: 'rm -rf build',
      description: 'Clean up',
      expires_at: soon,
    }),
    topology('hierarchical', ['lead', 'ada', 'bob', 'cy', 'dee'], [
      ['lead', 'ada', 1],
      ['lead', 'bob', 0.4],
      ['lead', 'cy', 0.8],
      ['ada', 'dee', 1],
    ]),
    { type: 'deploy.finished', payload: { environment: 'staging' } },
  ];
}

/** The same swarm an hour ago: nothing of it changes while a test looks at it. */
export function stillSwarm(): Draft[] {
  const began = Date.now() - 3_600_000;
  return swarm().map((event, index) => ({ ...event, ts: new Date(began + index * 10).toISOString() }));
}
