// Builds src/main.jsx to dist/: names with hashes, each file also compressed, manifest.json for bot/web_page.py. Fails over the budget.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const BUDGET = 70_000; // bytes of the chat page with all that it loads, gzipped
const PLAIN = [new URL('../bot/static/plain.css', import.meta.url), new URL('../channels/web/templates/chat.html', import.meta.url)];
const gzip = (content) => gzipSync(content, { level: 9 });
const brotli = (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });

function packed() {
  return {
    name: 'packed',
    writeBundle(options, files) {
      const made = {};
      let total = 0;
      for (const file of PLAIN) total += gzip(readFileSync(file)).length;
      for (const [name, file] of Object.entries(files)) {
        if (!/\.(js|css)$/.test(name)) throw new Error(`unexpected file in the build: ${name}`);
        const content = Buffer.from(file.type === 'chunk' ? file.code : file.source);
        writeFileSync(`${options.dir}/${name}.gz`, gzip(content));
        writeFileSync(`${options.dir}/${name}.br`, brotli(content));
        total += gzip(content).length;
        made[name.split('.').at(-1)] = name;
      }
      if (total > BUDGET) throw new Error(`the page is ${total} bytes compressed, more than ${BUDGET}`);
      writeFileSync(`${options.dir}/manifest.json`, JSON.stringify({ ...made, bytes: total }));
      console.log(`${total} of ${BUDGET} bytes (gzip)`);
    },
  };
}

export default {
  base: '/assets/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome87', 'safari14'],
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: 'src/main.jsx',
      output: { entryFileNames: 'chat-[hash].js', assetFileNames: 'chat-[hash][extname]' },
    },
  },
  plugins: [packed()],
};
