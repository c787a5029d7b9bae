// A Bluesky PDS and an in-memory PLC directory, both on 127.0.0.1 only, with fresh data in DATA.
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import plc from '@did-plc/server'
import { PDS } from '@atproto/pds'

// Both servers would listen on every interface: neither has an option for it.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const everywhere = typeof port === 'number' && typeof rest[0] !== 'string'
  return everywhere ? listen.call(this, port, '127.0.0.1', ...rest) : listen.call(this, port, ...rest)
}

const secret = () => randomBytes(32).toString('hex')
const port = Number(process.env.PORT)
const plcPort = Number(process.env.PLC_PORT)
const data = process.env.DATA

await plc.PlcServer.create({ db: plc.Database.mock(), port: plcPort }).start()
const pds = await PDS.fromEnv({
  devMode: true,
  port,
  hostname: 'localhost',
  dataDirectory: data,
  blobstoreDiskLocation: `${data}/blobs`,
  blobstoreDiskTmpLocation: `${data}/blobs-tmp`,
  didPlcUrl: `http://127.0.0.1:${plcPort}`,
  serviceHandleDomains: ['.test'],
  inviteRequired: false,
  plcRotationKeyK256PrivateKeyHex: secret(),
  jwtSecret: secret(),
  adminPassword: secret(),
  disableSsrfProtection: true,
  rateLimitsEnabled: process.env.PDS_RATE_LIMITS === '1',
  crawlers: [],
})
await pds.start()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => pds.destroy().finally(() => process.exit(0)))
