// ONNX Runtime on one model: node onnxruntime_peer.cjs MODEL THREADS WARM_UP_SECONDS. Speaks as pairs.py's Peer wants it.
const ort = require('onnxruntime-node');
const readline = require('readline');

const [model, threads, warmUp] = process.argv.slice(2);

async function main() {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const { name, shape: dims } = JSON.parse(process.env.NEURONS_INPUT);
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random());
  const feeds = { [name]: new ort.Tensor('float32', values, dims) };
  const now = () => Number(process.hrtime.bigint()) / 1e9;

  // Calls in a second; the clock is read about every two milliseconds.
  async function rate(seconds) {
    let start = now();
    await session.run(feeds);
    const chunk = Math.max(1, Math.floor(0.002 / Math.max(now() - start, 1e-7)));
    let calls = 0;
    let passed = 0;
    for (start = now(); passed < seconds; passed = now() - start) {
      for (let i = 0; i < chunk; ++i) await session.run(feeds);
      calls += chunk;
    }
    return calls / passed;
  }

  await rate(Number(warmUp));
  console.log(JSON.stringify({ ready: true, version: ort.env.versions.node ?? ort.env.versions.common }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const perSecond = await rate(Number(line));
    console.log(JSON.stringify({ samples_per_second: perSecond, microseconds_per_step: 1e6 / perSecond }));
  }
}

main();
