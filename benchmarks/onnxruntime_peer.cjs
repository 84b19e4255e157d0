// ONNX Runtime on one model: node onnxruntime_peer.cjs MODEL THREADS WARM_UP_SECONDS INPUTS, which are '[{"name": "x", "type": "float32", "shape": [1, 3]}, …]'. Says
// a line of JSON when it is ready, and one for each line SECONDS that it reads.
const ort = require('onnxruntime-node');
const readline = require('readline');

const [model, threads, warmUp, inputs] = process.argv.slice(2);

const kArrays = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

// Floats are random, all else is zeros.
function drawn({ type, shape }) {
  const array = new kArrays[type](shape.reduce((a, b) => a * b, 1));
  if (type.startsWith('float')) array.forEach((_, i) => { array[i] = Math.random(); });
  return new ort.Tensor(type, array, shape);
}

async function main() {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const feeds = Object.fromEntries(JSON.parse(inputs).map((input) => [input.name, drawn(input)]));
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

main().catch((error) => console.log(JSON.stringify({ error: error.message })));
