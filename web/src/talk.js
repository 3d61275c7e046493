// The conversation: what was said and answered, what is being sent and what could not be, and what comes in meanwhile.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { history, say, upload } from './api.js';

export const PAGE = 30; // exchanges fetched and drawn at once
const POLL_MS = 20_000;
const UNSENT = 'cjt-unsent';
export const ANEW = 'anew'; // what is said for a new conversation (bot/reply.py)

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

const stored = ({ message_id: id, said, shown, replies }) => ({ id, said, shown, replies });

// What is answered, then what the server has besides, then what only this page knows of.
function joined(mine, theirs) {
  const answered = mine.filter((e) => !e.state);
  const [here, there] = [answered.map((e) => e.id), theirs.map((e) => e.message_id)].map((ids) => new Set(ids));
  const waiting = mine.filter((e) => e.state && !there.has(e.id));
  return [...answered, ...theirs.filter((e) => !here.has(e.message_id)).map(stored), ...waiting];
}

export function useTalk(first) {
  const [exchanges, setExchanges] = useState(() =>
    joined((kept.get(UNSENT) || []).map((e) => ({ ...e, state: 'failed', retry: true, replies: [] })), first),
  );
  const [older, setOlder] = useState(first.length === PAGE); // whether the server may have still older ones
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
      const exchange = { id: newId(), said: more.message?.payload, replies: [], state: 'sending', ...more };
      setExchanges((all) => [...all, exchange]);
      return send(exchange);
    },
    [send],
  );

  // What came in meanwhile; `all`: also what is drawn already, which may have to be said differently.
  const refresh = useCallback(async (all) => {
    if (document.hidden || now.current.some((e) => e.state === 'sending')) return;
    const answered = now.current.filter((e) => !e.state);
    const after = all !== true && answered.at(-1)?.id;
    try {
      const theirs = await history(after ? { after } : { limit: Math.max(PAGE, answered.length) });
      setExchanges((mine) => joined(after ? mine : mine.filter((e) => e.state), theirs));
    } catch (problem) {
      if (after && problem.status === 404) await refresh(true); // erased since
    }
  }, []);

  const earlier = useCallback(async () => {
    const before = now.current.find((e) => !e.state)?.id;
    const theirs = before ? await history({ before, limit: PAGE }) : [];
    setOlder(theirs.length === PAGE);
    setExchanges((mine) => [...theirs.map(stored), ...mine]);
  }, []);

  useEffect(() => {
    // Files cannot be kept, and what is personal is not.
    kept.set(UNSENT, exchanges.filter((e) => e.state && e.message && !e.personal).map(({ id, said, shown, message }) => ({ id, said, shown, message })));
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
    online,
    older,
    earlier,
    refresh,
    resend: send,
    drop: (id) => setExchanges((all) => all.filter((e) => e.id !== id)),
    type: (text) => add({ shown: text, message: { text } }),
    confide: (text, shown) => add({ shown, message: { text }, personal: true }),
    tap: (payload, title) => add({ shown: title, message: { payload } }),
    fresh: (title) => add({ shown: title, message: { payload: ANEW } }),
    give: (file) => add({ shown: file.name, file, progress: 0 }),
  };
}
