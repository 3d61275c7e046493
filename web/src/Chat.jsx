// The page: the talk, the line to write in, and the sheets that open over it.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Composer } from './Composer.jsx';
import { LookSheet } from './Look.jsx';
import { Reply, Tools } from './Reply.jsx';
import { RosterSheet } from './Roster.jsx';
import { ArticleSheet, Sheet } from './Sheet.jsx';
import { ANEW, PAGE, useTalk } from './talk.js';
import { look, words } from './words.js';

const atEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 200;

export function Chat({ exchanges: first, draft, typing, max }) {
  const talk = useTalk(first);
  const [more, setMore] = useState(0);
  const [sheet, setSheet] = useState(null); // {kind: 'cite' | 'more' | 'look' | 'roster', …}
  const [, setLook] = useState(look());
  const list = useRef();
  const { exchanges } = talk;
  const t = words();

  // Earlier conversations and long ones are drawn when they are asked for.
  const begun = exchanges.map((e) => e.said === ANEW && !e.state).lastIndexOf(true) + 1;
  const start = Math.max(0, Math.max(begun, exchanges.length - PAGE) - more);
  const drawn = exchanges.slice(start);
  const last = drawn.at(-1);
  const turn = drawn.filter((exchange) => exchange.shown).at(-1); // whose buttons count: a notice that comes in takes none away

  // What is new goes to the end of the page; an answer longer than the screen is read from its beginning. A notice scrolls nobody away.
  const seen = useRef(null);
  const mark = `${last?.id} ${last?.state} ${last?.replies.length}`;
  const wasAtEnd = atEnd();
  useLayoutEffect(() => {
    if (!last || mark === seen.current || (seen.current && last && !last.shown && !wasAtEnd)) return;
    seen.current = mark;
    const item = list.current.querySelector('[data-last]');
    const room = window.innerHeight - document.querySelector('aside.ask').offsetHeight;
    const end = document.documentElement.scrollHeight;
    const top = item && item.offsetHeight > room - 40 ? item.getBoundingClientRect().top + window.scrollY - 12 : end;
    window.scrollTo({ top, behavior: 'instant' });
  }, [mark]);

  useEffect(() => {
    const link = document.querySelector('.top .look');
    const open = (event) => {
      event.preventDefault();
      setSheet({ kind: 'look' });
    };
    link.addEventListener('click', open);
    return () => link.removeEventListener('click', open);
  }, []);

  const close = () => setSheet(null);
  const act = (payload, title) => {
    close();
    talk.tap(payload, title);
  };
  const begin = () => {
    close();
    setMore(0);
    talk.fresh(t.fresh);
  };
  const back = async () => {
    if (start <= PAGE && talk.older) await talk.earlier().catch(() => {});
    setMore(more + PAGE);
  };
  const give = (file) => {
    close();
    talk.give(file);
  };

  return (
    <>
      <main id="main">
        <h1 class="hidden">{t.hello}</h1>
        {(start > 0 || talk.older) && (
          <p class="earlier">
            <button type="button" onClick={back}>{t.earlier}</button>
          </p>
        )}
        <div role="log" aria-live="polite" aria-label={t.talk} tabIndex={-1}>
          <ol class="talk" ref={list}>
            {drawn.length === 0 && <Welcome talk={talk} />}
            {drawn.map((exchange) => (
              <Exchange key={exchange.id} exchange={exchange} last={exchange === last} turn={exchange === turn || exchange === last} talk={talk} cite={(citations) => setSheet({ kind: 'cite', citations })} />
            ))}
          </ol>
        </div>
        <p class="meta note">{t.note}</p>
      </main>
      <aside class="ask" aria-label={t.ask}>
        <div class="inner">
          {!talk.online && <p class="offline" role="status">{t.offline}</p>}
          <Composer draft={draft} typing={typing} max={max} onSend={talk.type} onMore={() => setSheet({ kind: 'more' })} />
        </div>
      </aside>
      {sheet?.kind === 'cite' && <ArticleSheet citations={sheet.citations} onClose={close} />}
      {sheet?.kind === 'look' && (
        <LookSheet
          onClose={close}
          onChange={(script) => {
            setLook(look());
            if (script) talk.refresh(true);
          }}
        />
      )}
      {sheet?.kind === 'roster' && <RosterSheet onClose={close} give={give} />}
      {sheet?.kind === 'more' && (
        <Sheet title={t.other} onClose={close}>
          <div class="actions">
            <button type="button" onClick={() => setSheet({ kind: 'roster' })}>{t.roster}</button>
            <button type="button" onClick={() => act('assess', t.count)}>{t.count}</button>
            <button type="button" onClick={() => act('book', t.book)}>{t.book}</button>
            <button type="button" onClick={() => act('bookings', t.bookings)}>{t.bookings}</button>
            <button type="button" onClick={begin}>{t.fresh}</button>
            <button type="button" onClick={() => setSheet({ kind: 'look' })}>{t.look}</button>
          </div>
        </Sheet>
      )}
    </>
  );
}

function Welcome({ talk }) {
  const t = words();
  return (
    <li class="bot">
      <p class="lead">{t.hello}</p>
      <p class="meta">{t.try}</p>
      <div class="quick">
        {[t.q1, t.q2, t.q3].map((question) => (
          <button type="button" onClick={() => talk.type(question)}>{question}</button>
        ))}
        <button type="button" onClick={() => talk.tap('assess', t.count)}>{t.count}</button>
        <button type="button" onClick={() => talk.tap('book', t.book)}>{t.book}</button>
      </div>
    </li>
  );
}

function Exchange({ exchange, last, turn, talk, cite }) {
  const t = words();
  const { id, shown, replies, state } = exchange;
  const mark = last ? { 'data-last': '' } : {};
  return (
    <>
      {shown && (
        <li class="me" {...(replies.length ? {} : mark)}>
          <p>
            <span class="hidden">{t.you}:</span>
            {shown}
          </p>
          {exchange.file && state === 'sending' && (
            <p class="meta">
              <progress value={exchange.progress} max="1" aria-label={t.sending} /> {exchange.progress < 1 ? t.sending : t.working}
            </p>
          )}
          {state === 'failed' && (
            <div class="failed" role="alert">
              <p>
                {t.notSent}
                {exchange.problem && `:${exchange.problem}`}
              </p>
              <div class="quick">
                {exchange.retry && <button type="button" onClick={() => talk.resend(exchange)}>{t.resend}</button>}
                <button type="button" onClick={() => talk.drop(id)}>{t.drop}</button>
              </div>
            </div>
          )}
        </li>
      )}
      {state === 'sending' && (
        <li class="bot busy">
          <p>
            <span class="dots" aria-hidden="true"><i /><i /><i /></span> {t.thinking}
          </p>
        </li>
      )}
      {replies.map((reply, place) => (
        <li class={shown ? 'bot' : 'bot notice'} {...(place === 0 ? mark : {})}>
          <span class="hidden">{t.it}:</span>
          {!shown && <p class="meta">{t.notice}</p>}
          <Reply reply={reply} last={turn && place === replies.length - 1} tap={talk.tap} confide={(text) => talk.confide(text, t.confided)} cite={cite} />
          {place === replies.length - 1 && shown && <Tools id={id} replies={replies} />}
        </li>
      ))}
    </>
  );
}
