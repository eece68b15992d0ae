/*
 * A sender of vz-protocol(7), written from that page alone: it shares no code with vz. The
 * handshake is the npm package noise-handshake's, signatures and records are node:crypto's.
 *
 *	node client.js keygen IDENTITY                       make an identity, print vz1...
 *	node client.js send [options] IDENTITY ADDRESS FILE  send FILE; exit 0 = verified DONE
 *		--aes		offer AES-256-GCM and insist on it
 *		--chunk N	bytes of the message in a record
 *		--name NAME	the message's name
 *		--psk FILE	the pre-shared key, as vz-keygen --psk prints it
 *		--wait SECONDS	for message 2, before "no answer"
 *		--refused	succeed only when the listener closes, and print its status and text
 *
 * ADDRESS is vz1...@HOST:PORT or vz1...@/path.
 */
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const net = require('node:net')
const Noise = require('noise-handshake')
const sodium = require('sodium-universal')

const PATIENCE_MS = 30000
const EARLY = 32768 // below the 64 KiB allowed before READY
const FRAME = {
  STREAM: 1, OPEN: 2, DATA: 3, END: 4, CANCEL: 5, FORGET: 6, READY: 16, ACK: 17, WINDOW: 18,
  DONE: 19, PING: 32, PONG: 33, CLOSE: 34, PADDING: 35
}

// Integers and strings.

const u8 = n => Buffer.from([n])
const u16 = n => { const b = Buffer.alloc(2); b.writeUInt16BE(n); return b }
const u32 = n => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b }
const u64 = n => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(n)); return b }
const sshString = b => Buffer.concat([u32(b.length), Buffer.from(b)])

// bech32 (BIP 173), for keys.

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

function bech32Polymod (values) {
  let c = 1
  for (const v of values) {
    const top = c >>> 25
    c = ((c & 0x1ffffff) << 5) ^ v
    const gen = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
    gen.forEach((g, i) => { if ((top >>> i) & 1) c ^= g })
  }
  return c >>> 0
}

const bech32Prefix = hrp => [
  ...[...hrp].map(c => c.charCodeAt(0) >> 5), 0, ...[...hrp].map(c => c.charCodeAt(0) & 31)]

function bech32Encode (hrp, bytes) {
  const bits = [...bytes].map(b => b.toString(2).padStart(8, '0')).join('')
  const words = bits.match(/.{1,5}/g).map(w => parseInt(w.padEnd(5, '0'), 2))
  const sum = bech32Polymod([...bech32Prefix(hrp), ...words, 0, 0, 0, 0, 0, 0]) ^ 1
  for (let i = 0; i < 6; i++) words.push((sum >>> (5 * (5 - i))) & 31)
  return hrp + '1' + words.map(w => CHARSET[w]).join('')
}

function bech32Decode (hrp, text) {
  const words = [...text.slice(hrp.length + 1)].map(c => CHARSET.indexOf(c))
  if (!text.startsWith(hrp + '1') || words.includes(-1) ||
    bech32Polymod([...bech32Prefix(hrp), ...words]) !== 1) throw new Error('bad key ' + text)
  const bits = words.slice(0, -6).map(w => w.toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)))
}

// Identities and bundles.

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const publicKey = raw => crypto.createPublicKey(
  { key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' })

function signedData (message) {
  const hash = crypto.createHash('sha512').update(message).digest()
  return Buffer.concat([Buffer.from('SSHSIG'), sshString('vz-bundle@vz'), sshString(''),
    sshString('sha512'), sshString(hash)])
}

function makeBundle (me) {
  const identity = Buffer.from(me.key.x, 'base64url')
  const body = Buffer.concat([u8(1), identity, keyPair(me.noise).publicKey,
    keyPair(me.age).publicKey, u64(me.serial), u64(0)])
  const secret = crypto.createPrivateKey({ key: me.key, format: 'jwk' })
  return Buffer.concat([body, crypto.sign(null, signedData(body), secret)])
}

/* The order of checks: the Noise key, then the signature, then whether it is the one called. */
function checkBundle (bundle, noiseKey, called) {
  if (bundle.length !== 177 || bundle[0] !== 1) throw new Error('not a bundle')
  const identity = bundle.subarray(1, 33)
  if (!bundle.subarray(33, 65).equals(noiseKey)) throw new Error('bundle of another session key')
  if (!crypto.verify(null, signedData(bundle.subarray(0, 113)), publicKey(identity),
    bundle.subarray(113))) throw new Error('bundle signature does not verify')
  if (!identity.equals(called)) throw new Error('another identity answered')
}

function keyPair (hex) {
  const pair = { secretKey: Buffer.from(hex, 'hex'), publicKey: Buffer.alloc(32) }
  sodium.crypto_scalarmult_base(pair.publicKey, pair.secretKey)
  return pair
}

function keygen (file) {
  const { privateKey } = crypto.generateKeyPairSync('ed25519')
  const me = {
    key: privateKey.export({ format: 'jwk' }),
    noise: crypto.randomBytes(32).toString('hex'),
    age: crypto.randomBytes(32).toString('hex'),
    serial: Math.floor(Date.now() / 1000)
  }
  fs.writeFileSync(file, JSON.stringify(me), { mode: 0o600, flag: 'wx' })
  console.log(bech32Encode('vz', Buffer.from(me.key.x, 'base64url')))
}

// Handshake.

/* Keeps ck, which AES keys are made from, before the package forgets it. */
class Handshake extends Noise {
  final () {
    this.ck = Buffer.from(this.chainingKey)
    super.final()
  }
}

function makeHandshake (me, called, psk) {
  const derived = Buffer.alloc(32)
  sodium.crypto_generichash(derived, Buffer.concat([Buffer.from('vz/1 psk\0'), called]),
    ...(psk ? [psk] : []))
  const hs = new Handshake('XXpsk0', true, keyPair(me.noise), { psk: derived })
  hs.initialise(Buffer.concat([Buffer.from('vz/1\0'), u8(1), u8(0)]))
  if (hs.protocol.toString() !== 'Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b') throw new Error('curve')
  return hs
}

/* HKDF of Noise 4.3 with two outputs. */
function hkdf (ck, input) {
  const hmac = (key, data) => crypto.createHmac('blake2b512', key).update(data).digest()
  const temp = hmac(ck, input)
  const one = hmac(temp, u8(1))
  return [one, hmac(temp, Buffer.concat([one, u8(2)]))].map(k => k.subarray(0, 32))
}

// Records.

/* One direction's key and counter, rekeyed as Noise 4.2 has it after every 65,536 records. */
class Direction {
  constructor (key, aes) {
    this.key = key
    this.aes = aes
    this.n = 0n
  }

  nonce (n) {
    const b = Buffer.alloc(12)
    if (this.aes) b.writeBigUInt64BE(n, 4)
    else b.writeBigUInt64LE(n, 4)
    return b
  }

  cipher (make, n) {
    return make(this.aes ? 'aes-256-gcm' : 'chacha20-poly1305', this.key, this.nonce(n),
      { authTagLength: 16 })
  }

  step () {
    if (this.n++ % 65536n !== 65535n) return
    this.key = this.cipher(crypto.createCipheriv, 0xffffffffffffffffn).update(Buffer.alloc(32))
  }

  seal (plain) {
    const c = this.cipher(crypto.createCipheriv, this.n)
    const out = Buffer.concat([c.update(plain), c.final(), c.getAuthTag()])
    this.step()
    return Buffer.concat([u16(out.length), out])
  }

  open (record) {
    const d = this.cipher(crypto.createDecipheriv, this.n)
    d.setAuthTag(record.subarray(-16))
    const out = Buffer.concat([d.update(record.subarray(0, -16)), d.final()])
    this.step()
    return out
  }
}

/* Bytes of a socket as promises. */
class Wire {
  constructor (socket) {
    this.socket = socket
    this.bytes = Buffer.alloc(0)
    this.ended = false
    socket.on('data', b => { this.bytes = Buffer.concat([this.bytes, b]); this.wake() })
    socket.on('close', () => { this.ended = true; this.wake() })
    socket.on('error', () => {})
  }

  wake () {
    if (this.waiting) this.waiting()
  }

  async read (n) {
    while (this.bytes.length < n) {
      if (this.ended) throw new Error('the listener hung up')
      await new Promise(resolve => { this.waiting = resolve })
    }
    const out = this.bytes.subarray(0, n)
    this.bytes = this.bytes.subarray(n)
    return out
  }

  async message () {
    return this.read((await this.read(2)).readUInt16BE())
  }

  async write (b) {
    if (!this.socket.write(b) && !this.ended) {
      await new Promise(resolve => {
        this.socket.once('drain', resolve)
        this.socket.once('close', resolve)
      })
    }
  }
}

// Frames.

const frame = (type, ...body) => {
  const b = Buffer.concat(body)
  return Buffer.concat([u8(type), u16(b.length), b])
}

function * frames (record) {
  if (record.length === 0) throw new Error('empty record')
  while (record.length) {
    const end = 3 + record.readUInt16BE(1)
    if (record.length < end) throw new Error('frame crosses its record')
    yield { type: record[0], body: record.subarray(3, end) }
    record = record.subarray(end)
  }
}

// Session: one message, number 0.

class Sender {
  constructor (wire, tx, rx, options) {
    Object.assign(this, { wire, tx, rx, options })
    this.ready = false
    this.limit = EARLY // of message 0
    this.connection = EARLY // of all messages together
    this.taken = 0n
    this.durable = 0n
  }

  async say (...parts) {
    await this.wire.write(this.tx.seal(Buffer.concat(parts)))
  }

  /* Reads one record and acts on its frames. */
  async hear () {
    for (const { type, body } of frames(this.rx.open(await this.wire.message()))) {
      await this.frame(type, body)
    }
  }

  async frame (type, body) {
    if (this.ready ? type === FRAME.READY : type > FRAME.READY && type < FRAME.PING) {
      throw new Error('frame ' + type + ' in the wrong state')
    }
    switch (type) {
      case FRAME.READY:
        if (body.length !== 30) throw new Error('READY of ' + body.length + ' bytes')
        this.ready = true
        this.connection = Number(body.readBigUInt64BE(10))
        this.limit = body.readUInt32BE(18)
        break
      case FRAME.ACK:
        this.taken = body.readBigUInt64BE(8)
        this.durable = body.readBigUInt64BE(16)
        this.limit = Number(body.readBigUInt64BE(24))
        break
      case FRAME.WINDOW: this.connection = Number(body.readBigUInt64BE()); break
      case FRAME.PING: await this.say(frame(FRAME.PONG, body)); break
      case FRAME.DONE:
        this.done = {
          number: body.readBigUInt64BE(),
          status: body[8],
          length: body.readBigUInt64BE(9),
          text: body.subarray(17).toString()
        }
        break
      case FRAME.CLOSE: this.closed = { status: body[0], text: body.subarray(1).toString() }; break
      case FRAME.PONG: case FRAME.PADDING: break
      default: throw new Error('frame ' + type + ' is not for a sender')
    }
  }

  async open (length) {
    const name = Buffer.from(this.options.name || '')
    await this.say(frame(FRAME.STREAM, crypto.randomBytes(16)),
      frame(FRAME.OPEN, u64(0), u8(0), u8(0), u16(0), u64(0), u64(length), u8(name.length), name))
  }

  async send (message) {
    const chunk = Number(this.options.chunk || 65535 - 16 - 19)
    let at = 0
    await this.open(message.length)
    while (at < message.length && !this.over()) {
      const end = Math.min(message.length, at + chunk, this.limit, this.connection)
      if (end === at) {
        await this.hear()
        continue
      }
      await this.say(frame(FRAME.DATA, u64(0), u64(at), message.subarray(at, end)))
      at = end
    }
    if (!this.over()) await this.say(frame(FRAME.END, u64(0), u64(message.length)))
    while (!this.over()) await this.hear()
  }

  over () {
    return this.done !== undefined || this.closed !== undefined
  }

  /* FORGET is the second step of the end: only then may the listener drop what it keeps. */
  async leave () {
    await this.say(frame(FRAME.FORGET, u64(1)), frame(FRAME.CLOSE, u8(0)))
    this.wire.socket.end()
    while (!this.closed && !this.wire.ended) await this.hear().catch(() => {})
  }
}

// The program.

function connect (place) {
  const tcp = place.match(/^\[?([^\]]*)\]?:(\d+)$/)
  return place.startsWith('/') ? net.connect(place) : net.connect(Number(tcp[2]), tcp[1])
}

async function session (options, identity, address) {
  const at = address.indexOf('@')
  const called = bech32Decode('vz', address.slice(0, at))
  const me = JSON.parse(fs.readFileSync(identity))
  const psk = options.psk && bech32Decode('vzpsk', fs.readFileSync(options.psk, 'utf8').trim())
  const hs = makeHandshake(me, called, psk)
  const wire = new Wire(connect(address.slice(at + 1)))

  const one = hs.send()
  if (one.length !== 48) throw new Error('message 1 of ' + one.length + ' bytes')
  await wire.write(Buffer.concat([u16(one.length), one]))
  const patience = setTimeout(() => fail(new Error('no answer')), 1000 * (options.wait || 10))
  const payload = hs.recv(await wire.message())
  clearTimeout(patience)
  if (payload.length !== 178) throw new Error('message 2 carries ' + payload.length + ' bytes')
  checkBundle(payload.subarray(0, 177), hs.rs, called)
  const aes = Boolean(options.aes)
  if (aes && !(payload[177] & 1)) throw new Error('the listener cannot do AES-256-GCM')
  const three = hs.send(Buffer.concat([makeBundle(me), u8(aes ? 1 : 0)]))
  await wire.write(Buffer.concat([u16(three.length), three]))
  const [tx, rx] = aes ? hkdf(hs.ck, 'vz/1 aes256gcm') : [hs.tx, hs.rx]
  return new Sender(wire, new Direction(Buffer.from(tx), aes), new Direction(Buffer.from(rx), aes),
    options)
}

function fail (e) {
  console.error('client.js: ' + e.message)
  process.exit(76)
}

async function send (options, [identity, address, file]) {
  const s = await session(options, identity, address)
  const message = fs.readFileSync(file)
  await s.send(message)
  if (options.refused) {
    if (!s.closed) throw new Error('not refused')
    console.log(s.closed.status, s.closed.text)
    process.exit(0)
  }
  if (s.closed) throw new Error('closed: ' + s.closed.status + ' ' + s.closed.text)
  const { number, status, length, text } = s.done
  if (status !== 0) throw new Error('not delivered: ' + status + ' ' + text)
  if (number !== 0n || length !== BigInt(message.length)) throw new Error('DONE of another message')
  await s.leave()
  console.log('delivered', message.length)
  process.exit(0)
}

function parse (args) {
  const options = {}
  while (args.length && args[0].startsWith('--')) {
    const name = args.shift().slice(2)
    options[name] = ['aes', 'refused'].includes(name) ? true : args.shift()
  }
  return options
}

function main () {
  const [command, ...args] = process.argv.slice(2)
  if (command === 'keygen' && args.length === 1) return keygen(args[0])
  const options = parse(args)
  if (command !== 'send' || args.length !== 3) {
    console.error('usage: client.js keygen IDENTITY | send [options] IDENTITY ADDRESS FILE')
    process.exit(64)
  }
  setTimeout(() => { console.error('client.js: no progress'); process.exit(75) }, PATIENCE_MS)
  send(options, args).catch(fail)
}

main()
