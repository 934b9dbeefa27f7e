/**
 * What is counted and measured.
 *
 * @module
 */

import type { BatchObservableResult, Meter, MeterProvider, Observable } from "@opentelemetry/api";
import * as catalog from "../telemetry/catalog.ts";
import { type Looked, takeFigures } from "../telemetry/figures.ts";

type Instrument = (value: number, labels?: catalog.Labels) => void;

const known = new WeakMap<MeterProvider, Meters>();

/** Everything that one provider is told: several supervisors in a program add up. */
export class Meters {
  readonly #meter: Meter;
  readonly #instruments = new Map<catalog.Metric, Instrument>();
  readonly #observables = new Map<catalog.Metric, Observable>();
  readonly #looked = new Set<Looked>();

  private constructor(meter: Meter) {
    this.#meter = meter;
    for (const metric of catalog.metrics) this.#make(metric);
  }

  /** Returns what a provider is told. */
  static of(provider: MeterProvider, scope: string): Meters {
    const meters = known.get(provider) ?? new Meters(provider.getMeter(scope));
    known.set(provider, meters);
    return meters;
  }

  /** Takes a value that was measured. */
  readonly take: catalog.Take = (metric, value, labels) => this.#instruments.get(metric)?.(value, labels);

  /** Looks at an instance whenever metrics are collected, until it is disposed of. */
  look({ supervisor, cluster }: Looked): Disposable {
    const looked = { supervisor, cluster }, observables = [...this.#observables.values()];
    if (this.#looked.size === 0) this.#meter.addBatchObservableCallback(this.#observe, observables);
    this.#looked.add(looked);
    return {
      [Symbol.dispose]: () => {
        this.#looked.delete(looked);
        if (this.#looked.size === 0) this.#meter.removeBatchObservableCallback(this.#observe, observables);
      },
    };
  }

  readonly #observe = (result: BatchObservableResult): void => {
    takeFigures([...this.#looked], (metric, value, labels) => {
      result.observe(this.#observables.get(metric)!, value, labels);
    });
  };

  #make(metric: catalog.Metric): void {
    const { name, kind, unit, description, bounds = [] } = metric, meter = this.#meter;
    const options = { unit, description };
    if (kind === "sum") this.#observables.set(metric, meter.createObservableUpDownCounter(name, options));
    else if (kind === "gauge") this.#observables.set(metric, meter.createObservableGauge(name, options));
    else if (kind === "counter") {
      const counter = meter.createCounter(name, options);
      this.#instruments.set(metric, (value, labels) => counter.add(value, labels));
    } else {
      const histogram = meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...bounds] } });
      this.#instruments.set(metric, (value, labels) => histogram.record(value, labels));
    }
  }
}
