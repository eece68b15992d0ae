// node veza.js serve PORT: a veza server that answers with the question.
// node veza.js ask DEPTH SECONDS PORT: asks it; prints answers a second.
'use strict';

const { Client, Server } = require('veza');
const [what, ...rest] = process.argv.slice(2);

function serve(port)
{
	const server = new Server('bench');

	server.on('message', (message) => message.reply(message.data));
	server.on('error', () => undefined);
	return server.listen(port, '127.0.0.1');
}

async function ask(depth, seconds, port)
{
	const body = 'x'.repeat(100);
	const client = new Client('asker', { maximumRetries: 0 });
	const to = await client.connectTo(port, '127.0.0.1');
	const end = performance.now() + 100 + 1000 * seconds;
	let answers = 0, first = 0, start = 0;

	setTimeout(() => process.exit(1), 1000 * seconds + 10000).unref();
	client.on('error', () => process.exit(1));
	async function one()
	{
		while (performance.now() < end) {
			if (await to.send(body) !== body) throw new Error('another answer');
			answers++;
			if (!start && performance.now() > end - 1000 * seconds) {
				start = performance.now();
				first = answers;
			}
		}
	}
	await Promise.all(Array.from({ length: depth }, one));
	console.log(Math.round(1000 * (answers - first) / (performance.now() - start)));
	process.exit(0);
}

(what === 'serve' ? serve(Number(rest[0])) : ask(...rest.map(Number))).catch((e) => {
	console.error(e.message);
	process.exit(1);
});
