// A sheet over the page: the browser's own dialog keeps the focus inside, closes on Escape and gives the focus back.
import { useEffect, useRef, useState } from 'preact/hooks';
import { article } from './api.js';
import { Icon } from './icons.jsx';
import { Listen } from './Listen.jsx';
import { words } from './words.js';

export function Sheet({ title, onClose, children }) {
  const dialog = useRef();
  useEffect(() => {
    const opened = document.activeElement;
    dialog.current.showModal();
    return () => opened?.isConnected && opened.focus();
  }, []);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="sheet-title" onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div class="head">
        <h2 id="sheet-title">{title}</h2>
        <button class="plain" type="button" aria-label={words().close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div class="body">{children}</div>
    </dialog>
  );
}

// `text` with the quotes in it marked. A quote that is not there marks nothing.
function marked(text, quotes) {
  const quote = quotes.find((q) => q && text.includes(q));
  if (!quote) return text;
  const [before, ...after] = text.split(quote);
  return [marked(before, quotes), <mark>{quote}</mark>, marked(after.join(quote), quotes)];
}

export function ArticleSheet({ citations, onClose }) {
  const cited = citations[0].article;
  const [id, setId] = useState(cited);
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState('');
  const heading = useRef();
  const quotes = id === cited ? citations.map((citation) => citation.quote) : [];
  useEffect(() => {
    let wanted = true;
    setProblem('');
    article(id).then(
      (body) => wanted && setFound(body),
      (error) => wanted && setProblem(error.message),
    );
    return () => {
      wanted = false;
    };
  }, [id]);
  useEffect(() => {
    if (!found) return;
    const mark = heading.current?.parentElement.querySelector('mark');
    if (id !== cited) heading.current?.focus();
    (mark || heading.current)?.scrollIntoView({ block: 'nearest' });
  }, [found]);
  const t = words();
  const url = found && quotes.length ? citations[0].url : found?.url;
  return (
    <Sheet title={t.source} onClose={onClose}>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {!found && !problem && <p class="meta" role="status">{t.loading}…</p>}
      {found && (
        <>
          <p class="meta">
            {found.document.number && `${found.document.number} `}
            {found.document.title} · {found.document.status}
          </p>
          {found.document.kind === 'summary' && <p class="meta">{t.summary}</p>}
          <article class="original" lang="zh-Hans">
            <h3 ref={heading} tabIndex={-1}>
              {found.label} {found.title}
            </h3>
            {found.paragraphs.map((paragraph) => (
              <p>{marked(paragraph, quotes)}</p>
            ))}
          </article>
          <div class="quick">
            {found.previous && <button type="button" onClick={() => setId(found.previous.article)}>{t.before}</button>}
            {found.next && <button type="button" onClick={() => setId(found.next.article)}>{t.after}</button>}
            <a class="button" href={url}>{t.whole}</a>
            <Listen text={[found.title, ...found.paragraphs].join('。')} />
          </div>
        </>
      )}
    </Sheet>
  );
}
