/**
 * The webhook of one replica: its certificate, its server, and that the API server trusts it.
 *
 * Every replica keeps the certificate, since any of them may be asked. Admission is refused by nobody else: without us the API
 * server refuses changes of our resources, and of nothing else.
 */
import { X509Certificate } from "node:crypto";
import { type Duration, micros, millis, seconds } from "#base/time";
import {
  type ConfigurationPlan,
  conversionBundle,
  planConversion,
  planWebhooks,
  type WebhookService,
  webhookBundles,
} from "#core/certificate/configuration";
import { noteSentence } from "#core/certificate/note";
import { answerAdmission, type Current } from "#core/metallb/admission";
import { answerConversion } from "#core/metallb/conversion";
import { keepCertificate, type Round, type SecretStore } from "#drivers/certificate/keep";
import { followServerTime } from "#drivers/certificate/stamp";
import type { ListenAddress } from "#drivers/http/listen-address";
import type { Answer, ClusterPort, Resource, Target } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import type { ReviewAnswer, WebhookServer } from "#drivers/webhook/port";
import { openWebhookServer } from "#drivers/webhook/server";
import type { Tap } from "./tap.ts";
import { secretStore } from "./webhook-secret.ts";
import { WebhookVoice } from "./webhook-voice.ts";

export type WebhookOptions = {
  readonly cluster: ClusterPort;
  readonly tap: Tap;
  readonly clock: Time;
  readonly namespace: string;
  /** Of the Kubernetes Service in front of us, and of the webhook configuration. */
  readonly service: string;
  readonly address: ListenAddress;
  readonly takeConversion: boolean;
  /** What admission is decided by. */
  readonly current: () => Current;
  /** Seconds since 1970 at which the certificate ends. */
  readonly onExpiry: (seconds: number) => void;
};

export type Webhook = {
  /** Whether it answers: until then the API server refuses changes of our resources. */
  readonly isServing: boolean;
  close(): Promise<void>;
};

const SECRET = "steelyard-webhook-cert";
const CONVERTED = "bgppeers.metallb.io";
const CONVERSION_PATH = "/convert";
const CONFIGURATIONS: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  namespaced: false,
};
const DEFINITIONS: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  namespaced: false,
};

/** Between two looks at what the API server trusts, when nothing fails: somebody may have changed it. */
const LOOK = seconds(300);
const AGAIN = seconds(10);
const SHORTEST = seconds(1);

/** The paths at which changes are reviewed: one for each kind and version, as MetalLB has them. */
const isReviewPath = (path: string): boolean =>
  /^\/validate-(?:metallb-io|steelyard-dev)-v1(?:alpha|beta)\d-[a-z0-9]+$/.test(path);

const answerer =
  (current: () => Current): ReviewAnswer =>
  (path, review) => {
    if (path === CONVERSION_PATH) return answerConversion(review);
    return isReviewPath(path) ? answerAdmission(review, current()) : undefined;
  };

class Runner {
  readonly #options: WebhookOptions;
  readonly #service: WebhookService;
  readonly #store: SecretStore;
  readonly #serverTime = followServerTime();
  readonly #voice: WebhookVoice;
  #server: WebhookServer | undefined;
  #shown = "";
  #isTrusted = false;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#service = { namespace: options.namespace, name: options.service, port: 443 };
    this.#store = secretStore(options.cluster, { namespace: options.namespace, name: SECRET });
    this.#voice = new WebhookVoice(options.tap);
  }

  get isServing(): boolean {
    return this.#isTrusted;
  }

  /** One look at everything, and the next one when it is due. */
  async look(): Promise<void> {
    const wait = await this.#round().catch((error: unknown) => {
      this.#voice.failed(error instanceof Error ? error.message : String(error));
      return AGAIN;
    });
    if (this.#isClosed) return;
    this.#voice.tellClients();
    this.#cancel = this.#options.clock.later(wait, () => void this.look());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#voice.fallSilent();
    this.#cancel?.();
    await this.#server?.close();
  }

  async #round(): Promise<Duration> {
    const { cluster, clock, namespace, service } = this.#options;
    const configuration = await cluster.read({ resource: CONFIGURATIONS, name: service });
    const definition = await cluster.read({ resource: DEFINITIONS, name: CONVERTED });
    const conversion = definition.ok ? conversionBundle(definition.body, this.#service) : undefined;
    if (this.#isClosed) return AGAIN;
    const round = await keepCertificate({
      store: this.#store,
      namespace,
      name: SECRET,
      wanted: { names: [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`] },
      now: () => clock.wall(),
      serverTime: this.#serverTime,
      bundles: [
        ...(configuration.ok ? webhookBundles(configuration.body, this.#service) : []),
        ...(conversion === undefined ? [] : [conversion]),
      ],
    });
    if ("ok" in round) {
      this.#voice.failed(round.message);
      return AGAIN;
    }
    this.#tellRound(round);
    const serves = await this.#serve(round);
    const trusted = await this.#trust(round, { configuration, definition });
    this.#isTrusted ||= serves && trusted;
    if (!serves || !trusted || round.failure !== undefined) return AGAIN;
    this.#voice.recovered(this.#server?.port);
    return micros(Math.max(SHORTEST, Math.min(LOOK, millis(round.again - clock.wall()))));
  }

  /** Shows the certificate; the server is opened with the first. */
  async #serve({ identity }: Round): Promise<boolean> {
    const { address, current, onExpiry } = this.#options;
    if (identity === undefined) return false;
    if (this.#shown === identity.certificate) return true;
    if (this.#server === undefined) {
      const server = await openWebhookServer({
        address: { host: address.host ?? "::", port: address.port },
        identity,
        answer: answerer(current),
        onTrouble: (trouble) => this.#voice.note(trouble),
      });
      if ("message" in server) {
        this.#voice.failed(server.message);
        return false;
      }
      if (this.#isClosed) {
        await server.close();
        return false;
      }
      this.#server = server;
      this.#voice.serving(server.port);
    } else {
      const problem = this.#server.replaceIdentity(identity);
      if (problem !== undefined) {
        this.#voice.failed(problem);
        return false;
      }
    }
    this.#shown = identity.certificate;
    onExpiry(Math.floor(Date.parse(new X509Certificate(identity.certificate).validTo) / 1_000));
    return true;
  }

  /** Has the API server trust what is shown. */
  async #trust(
    { bundle }: Round,
    read: { readonly configuration: Answer; readonly definition: Answer },
  ): Promise<boolean> {
    if (bundle === undefined) return true;
    const { configuration, definition } = read;
    const service = this.#service;
    const { takeConversion: takeOver, service: name } = this.#options;
    const plans: [Target, Answer, (object: unknown) => ConfigurationPlan][] = [
      [
        { resource: CONFIGURATIONS, name },
        configuration,
        (object) => planWebhooks({ object, service, bundle }),
      ],
      [
        { resource: DEFINITIONS, name: CONVERTED },
        definition,
        (object) => planConversion({ object, service, path: CONVERSION_PATH, bundle, takeOver }),
      ],
    ];
    let done = true;
    for (const [target, answer, plan] of plans) {
      if (this.#isClosed) return false;
      const subject = `${target.resource.plural}/${target.name}`;
      if (!answer.ok) {
        this.#voice.failed(`${subject}: ${answer.failure.message}`);
        done = false;
        continue;
      }
      done = (await this.#carryOut(target, plan(answer.body), subject)) && done;
    }
    return done;
  }

  async #carryOut(target: Target, plan: ConfigurationPlan, subject: string): Promise<boolean> {
    if (plan.type === "unchanged") return true;
    if (plan.type === "left") {
      this.#voice.trouble(
        `${subject} is left as it is (${plan.reason}${plan.names === "" ? "" : `: ${plan.names}`})`,
      );
      return true;
    }
    const { patch: type, body } = plan;
    const answer = await this.#options.cluster.write(target, { verb: "patch", type, body });
    if (answer.ok) {
      this.#serverTime.heard(answer.body);
      this.#options.tap.tell({ type: "certificate", change: "written", detail: `${subject} trusts it` });
      return true;
    }
    // Another replica was first, which the next look shows.
    if (answer.failure.reason !== "conflict") this.#voice.failed(`${subject}: ${answer.failure.message}`);
    return false;
  }

  #tellRound({ changes, notes, failure }: Round): void {
    const { tap } = this.#options;
    for (const change of changes) {
      const reason = "reason" in change ? `: ${change.reason}` : "";
      tap.tell({ type: "certificate", change: "written", detail: `${change.type}${reason}` });
    }
    for (const note of notes) this.#voice.trouble(noteSentence(note));
    if (failure !== undefined) this.#voice.failed(failure);
  }
}

/** Opens the webhook; what fails is told and tried again. */
export const openWebhook = (options: WebhookOptions): Webhook => {
  const runner = new Runner(options);
  void runner.look();
  return runner;
};
