// One Reply of the server (bot/reply.py): its text, its cards, the clauses it rests on, what can be fetched and tapped.
import { useState } from 'preact/hooks';
import { rate } from './api.js';
import { Assessment } from './Assessment.jsx';
import { Contact, Slots } from './Booking.jsx';
import { Icon } from './icons.jsx';
import { Listen } from './Listen.jsx';
import { words } from './words.js';

const RATED = ['answer', 'no_answer', 'assessment'];
const QUOTES_SHOWN = 2;
// Buttons that still mean the same when the conversation has gone on.
const LASTING = /^(article|answer|ask|assess|booking|cancel-booking|reschedule|accept|decline)\b/;
const FACT = /^([^\s:：,，。]{2,4})[:：](.+)$/;

export function Reply({ reply, last, tap, confide, cite }) {
  const cards = Object.fromEntries(reply.cards.map((card) => [card.type, card]));
  const t = words();
  const quick = reply.quick_replies.filter(
    ({ payload }) => (last || LASTING.test(payload)) && !(cards.slots && payload.startsWith('slot:')),
  );
  return (
    <>
      {cards.assessment ? <Assessment card={cards.assessment} text={reply.text} cite={cite} /> : <Text reply={reply} cards={cards} />}
      {cards.slots && <Slots slots={cards.slots.slots} last={last} tap={tap} />}
      {!cards.assessment && <Citations citations={reply.citations} cite={cite} />}
      {reply.attachments.length > 0 && (
        <p class="quick">
          {reply.attachments.filter((a) => a.url).map((a) => (
            <a class="button" href={a.url} download={a.url.startsWith('/files/') || a.type === 'calendar' || undefined}>
              {a.title}
            </a>
          ))}
        </p>
      )}
      {cards.booking && reply.attachments.length > 0 && (
        <details>
          <summary>{t.showQr}</summary>
          <figure class="qr">
            <img src={`/api/bookings/${cards.booking.code}/qr.svg`} alt={`${t.code} ${cards.booking.code}`} width="220" height="220" loading="lazy" />
          </figure>
        </details>
      )}
      {cards.contact_form && last && <Contact party={cards.contact_form.party} confide={confide} />}
      {quick.length > 0 && (
        <div class="quick">
          {quick.map(({ title, payload }) => (
            <button type="button" onClick={() => tap(payload, title)}>
              {title}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

// The first line is the answer; of a list that a card shows, only what stands around it.
function Text({ reply, cards }) {
  const lines = reply.text.split('\n').filter((line) => !(cards.slots && /^\d+\. /.test(line)));
  const facts = reply.kind === 'booking' ? lines.slice(1).map((line) => FACT.exec(line)) : [];
  const short = ['answer', 'no_answer'].includes(reply.kind) || cards.booking ? 'lead' : null;
  return (
    <>
      <p class={short}>{lines[0]}</p>
      {facts.some(Boolean) && (
        <dl class="facts">
          {facts.filter(Boolean).map(([, name, value]) => [<dt>{name}</dt>, <dd>{value}</dd>])}
        </dl>
      )}
      {lines.slice(1).map((line, place) => !facts[place] && <p class={short && !cards.booking ? 'meta' : null}>{line}</p>)}
    </>
  );
}

function Citations({ citations, cite }) {
  const articles = [...new Map(citations.map((citation) => [citation.article, citation])).values()];
  return (
    <>
      {citations.length <= QUOTES_SHOWN &&
        citations.map((citation) => (
          <blockquote cite={citation.url}>
            <p lang="zh-Hans">{citation.quote}</p>
          </blockquote>
        ))}
      {articles.length > 0 && (
        <div class="chips">
          {articles.map(({ article, label }) => (
            <Chip label={label} onClick={() => cite(citations.filter((citation) => citation.article === article))} />
          ))}
        </div>
      )}
    </>
  );
}

export const Chip = ({ label, onClick }) => (
  <button class="chip" type="button" aria-haspopup="dialog" onClick={onClick}>
    <Icon name="file" />
    {label}
  </button>
);

// What can be done with an answer: have it read, say whether it was of use.
export function Tools({ id, replies }) {
  const [said, setSaid] = useState(null);
  const [comment, setComment] = useState('');
  const [thanked, setThanked] = useState(false);
  const t = words();
  const tell = (useful, more) => {
    setSaid(useful);
    setThanked(useful || more !== undefined);
    rate({ message_id: id, useful, comment: more || '' }).catch(() => {
      setSaid(null);
      setThanked(false);
    });
  };
  if (!replies.some((reply) => RATED.includes(reply.kind))) return null;
  return (
    <div class="tools">
      <Listen text={replies.map((reply) => reply.text).join('。')} />
      <button class="plain" type="button" aria-pressed={said === true} onClick={() => tell(true)}>
        <Icon name="up" />
        {t.useful}
      </button>
      <button class="plain" type="button" aria-pressed={said === false} onClick={() => tell(false)}>
        <Icon name="down" />
        {t.useless}
      </button>
      {said === false && !thanked && (
        <form
          class="why"
          onSubmit={(event) => {
            event.preventDefault();
            tell(false, comment);
          }}
        >
          <label class="field">
            {t.why}
            <input value={comment} maxLength={500} onInput={(event) => setComment(event.currentTarget.value)} />
          </label>
          <button>{t.tell}</button>
        </form>
      )}
      <span class="meta" role="status">{thanked ? t.thanks : ''}</span>
    </div>
  );
}
