// The conversation: what was said and answered, what is being sent and what could not be, and what comes in meanwhile.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { history, say, upload } from './api.js';

const POLL_MS = 20_000;
const UNSENT = 'cjt-unsent';
const SINCE = 'cjt-since';

// localStorage may be closed to us; then nothing outlives the page.
export const kept = {
  get: (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set: (key, value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      /* as above */
    }
  },
};

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

// What the server has, each as the same object as before where there is one, then what only this page knows of.
function merged(mine, theirs) {
  const before = new Map(mine.map((exchange) => [exchange.id, exchange]));
  const stored = theirs.map((e) => {
    const old = before.get(e.message_id);
    return old && !old.state ? old : { id: e.message_id, shown: e.shown, replies: e.replies };
  });
  const ids = new Set(stored.map((exchange) => exchange.id));
  return [...stored, ...mine.filter((exchange) => exchange.state && !ids.has(exchange.id))];
}

export function useTalk(first) {
  const [exchanges, setExchanges] = useState(() =>
    merged((kept.get(UNSENT) || []).map((e) => ({ ...e, state: 'failed', retry: true, replies: [] })), first),
  );
  const [since, setSince] = useState(() => kept.get(SINCE));
  const [online, setOnline] = useState(navigator.onLine);
  const now = useRef(exchanges);
  now.current = exchanges;

  const change = useCallback((id, more) => setExchanges((all) => all.map((e) => (e.id === id ? { ...e, ...more } : e))), []);

  const send = useCallback(
    async (exchange) => {
      const { id, message, file } = exchange;
      change(id, { state: 'sending', problem: '', progress: 0 });
      try {
        const replies = file ? await upload(file, id, (progress) => change(id, { progress })) : await say({ ...message, message_id: id });
        change(id, { replies, state: '', message: null, file: null });
      } catch (problem) {
        change(id, { state: 'failed', problem: problem.message, retry: problem.retry });
      }
    },
    [change],
  );

  const add = useCallback(
    (more) => {
      const exchange = { id: newId(), replies: [], state: 'sending', ...more };
      setExchanges((all) => [...all, exchange]);
      return send(exchange);
    },
    [send],
  );

  // `anew`: what is drawn already may have to be said differently.
  const refresh = useCallback(async (anew) => {
    if (document.hidden || now.current.some((e) => e.state === 'sending')) return;
    try {
      const theirs = await history();
      setExchanges((mine) => merged(anew === true ? mine.filter((e) => e.state) : mine, theirs));
    } catch {
      /* the next time */
    }
  }, []);

  const fresh = useCallback(async () => {
    const last = now.current.filter((e) => !e.state).at(-1);
    if (last?.replies.some((reply) => reply.quick_replies.some((quick) => quick.payload === 'cancel'))) {
      await say({ payload: 'cancel', message_id: newId() }).catch(() => {});
      await refresh();
    }
    const until = now.current.filter((e) => !e.state).at(-1)?.id || null;
    kept.set(SINCE, until);
    setSince(until);
  }, [refresh]);

  useEffect(() => {
    // Files cannot be kept, and what is personal is not.
    kept.set(UNSENT, exchanges.filter((e) => e.state && e.message && !e.personal).map(({ id, shown, message }) => ({ id, shown, message })));
  }, [exchanges]);

  useEffect(() => {
    const timer = setInterval(() => refresh(), POLL_MS);
    const back = () => {
      setOnline(true);
      for (const exchange of now.current) if (exchange.state === 'failed' && exchange.retry) send(exchange);
    };
    const gone = () => setOnline(false);
    addEventListener('online', back);
    addEventListener('offline', gone);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      clearInterval(timer);
      removeEventListener('online', back);
      removeEventListener('offline', gone);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [refresh, send]);

  return {
    exchanges,
    since,
    online,
    fresh,
    refresh,
    resend: send,
    drop: (id) => setExchanges((all) => all.filter((e) => e.id !== id)),
    type: (text) => add({ shown: text, message: { text } }),
    confide: (text, shown) => add({ shown, message: { text }, personal: true }),
    tap: (payload, title) => add({ shown: title, message: { payload } }),
    give: (file) => add({ shown: file.name, file, progress: 0 }),
  };
}
