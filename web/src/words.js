// The words of the page in the script that is chosen. words.json is made by web/words.py.
import said from './words.json';

const root = document.documentElement;

export const look = () => ({
  size: root.dataset.size || 'normal',
  theme: root.dataset.theme || 'auto',
  script: root.lang === 'zh-Hant' ? 'hant' : 'hans',
});

export const words = () => said[look().script];
