import type { Properties } from './directory.ts';
import { badRequest, unsupportedQuery } from './error.ts';
import type { Operator, Property, Schema } from './schema.ts';

/** Whether an object matches a $filter. */
export type Filter = (object: Match) => boolean;

interface Match {
  readonly id: string;
  readonly properties: Properties;
}

type Literal = string | boolean | null;

/**
 * Reads a $filter: comparisons, startsWith, endsWith, in, any over strings, and, or, not and parentheses, as far as the
 * property takes them (https://learn.microsoft.com/graph/filter-query-parameter). `advanced` tells whether the request
 * has the parameters of an advanced query (https://learn.microsoft.com/graph/aad-advanced-queries). Throws GraphError.
 */
export function parseFilter(text: string, schema: Schema, advanced: boolean): Filter {
  return new Parser(text, schema, advanced).parse();
}

/** Strings, words such as eq and accountEnabled, and signs, each with where it begins. */
const lexemes = /\s*(?:('(?:[^']|'')*')|([A-Za-z0-9_.:+-]+)|([(),/]))/gy;

interface Lexeme {
  readonly text: string;
  readonly at: number;
}

class Parser {
  readonly #text: string;
  readonly #schema: Schema;
  readonly #advanced: boolean;
  readonly #lexemes: readonly Lexeme[];
  #next = 0;
  /** How many nots the parser is in. */
  #negations = 0;

  constructor(text: string, schema: Schema, advanced: boolean) {
    this.#text = text;
    this.#schema = schema;
    this.#advanced = advanced;
    this.#lexemes = this.#scan();
  }

  parse(): Filter {
    const filter = this.#or();
    if (this.#peek() !== undefined) throw this.#syntaxError();
    return filter;
  }

  #scan(): Lexeme[] {
    const found: Lexeme[] = [];
    lexemes.lastIndex = 0;
    const end = this.#text.trimEnd().length;
    while (lexemes.lastIndex < end) {
      const at = lexemes.lastIndex;
      const match = lexemes.exec(this.#text);
      if (!match) throw badRequest(`Invalid filter clause: Syntax error at position ${at} in '${this.#text}'.`);
      found.push({ text: match[0].trimStart(), at });
    }
    return found;
  }

  #or(): Filter {
    const alternatives = [this.#and()];
    while (this.#takes('or')) alternatives.push(this.#and());
    if (alternatives.length > mostAlternatives && !this.#advanced) {
      throw unsupportedQuery(
        `Too many child clauses specified in search filter expression containing 'OR' operators: ${alternatives.length}. Max allowed: ${mostAlternatives}.`,
      );
    }
    return (object) => alternatives.some((filter) => filter(object));
  }

  #and(): Filter {
    const conditions = [this.#unary()];
    while (this.#takes('and')) conditions.push(this.#unary());
    return (object) => conditions.every((filter) => filter(object));
  }

  #unary(): Filter {
    if (this.#takes('not')) {
      this.#requireAdvanced('not');
      this.#negations += 1;
      const negated = this.#unary();
      this.#negations -= 1;
      return (object) => !negated(object);
    }
    if (this.#takes('(')) {
      const inner = this.#or();
      this.#expect(')');
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Filter {
    const name = this.#take();
    const affix = affixes.find((word) => word.toLowerCase() === name.toLowerCase());
    if (affix && this.#takes('(')) return this.#affixed(affix);
    const property = this.#property(name);
    if (this.#takes('/')) return this.#any(name, property);
    const operator = this.#take();
    if (operator === 'in') return this.#in(name, property);
    if (operator !== 'eq' && operator !== 'ne' && operator !== 'ge' && operator !== 'le') throw this.#syntaxError();
    const literal = this.#literal(property);
    this.#permit(name, property, operator);
    // Null is searched for in an index of its own.
    if (literal === null) this.#requireAdvanced(operator);
    return (object) => compare(propertyOf(object, name), operator, literal);
  }

  #affixed(operator: 'startsWith' | 'endsWith'): Filter {
    const name = this.#take();
    const property = this.#property(name);
    this.#expect(',');
    const literal = this.#literal(property);
    this.#expect(')');
    this.#permit(name, property, operator);
    return (object) => affixMatches(propertyOf(object, name), operator, literal);
  }

  #in(name: string, property: Property): Filter {
    this.#expect('(');
    const literals = [this.#literal(property)];
    while (this.#takes(',')) literals.push(this.#literal(property));
    this.#expect(')');
    if (literals.length > mostAlternatives) {
      throw unsupportedQuery(`Too many child clauses specified for 'in'. Max allowed: ${mostAlternatives}.`);
    }
    this.#permit(name, property, 'in');
    return (object) => literals.some((literal) => compare(propertyOf(object, name), 'eq', literal));
  }

  /** https://learn.microsoft.com/graph/filter-query-parameter#filter-using-lambda-operators */
  #any(name: string, property: Property): Filter {
    if (this.#take() !== 'any') throw this.#syntaxError();
    this.#expect('(');
    const declared = this.#take();
    const variable = declared.replace(/:.*$/, '');
    const first = declared.slice(variable.length + 1) || this.#take();
    const operator = first.toLowerCase() === 'startswith' ? 'startsWith' : 'eq';
    if (operator === 'startsWith') {
      this.#expect('(');
      if (this.#take() !== variable) throw this.#syntaxError();
      this.#expect(',');
    } else if (first !== variable || this.#take() !== 'eq') {
      throw this.#syntaxError();
    }
    const literal = this.#literal({ ...property, type: 'string' });
    if (operator === 'startsWith') this.#expect(')');
    this.#expect(')');
    this.#permit(name, property, 'any');
    const matches = (value: unknown) =>
      operator === 'eq' ? compare(value, 'eq', literal) : affixMatches(value, operator, literal);
    return (object) => {
      const values = propertyOf(object, name);
      return Array.isArray(values) && values.some(matches);
    };
  }

  #property(name: string): Property {
    const property = Object.hasOwn(this.#schema.properties, name) ? this.#schema.properties[name] : undefined;
    if (property) return property;
    if (!/^[A-Za-z_]\w*$/.test(name)) throw this.#syntaxError();
    throw badRequest(
      `Invalid filter clause: Could not find a property named '${name}' on type '${this.#schema.type}'.`,
    );
  }

  #literal(property: Property): Literal {
    const text = this.#take();
    if (text === 'null') return null;
    if (property.type === 'boolean') {
      if (text === 'true' || text === 'false') return text === 'true';
      throw this.#incompatible();
    }
    if (property.type === 'dateTime' && !text.startsWith("'")) {
      if (Number.isNaN(Date.parse(text))) throw this.#incompatible();
      return new Date(text).toISOString();
    }
    if (!text.startsWith("'")) throw this.#incompatible();
    return text.slice(1, -1).replaceAll("''", "'");
  }

  #permit(name: string, property: Property, operator: Operator): void {
    const known = [...property.filter, ...property.advanced];
    if (!known.includes(operator) || (this.#negations > 0 && !known.includes('not'))) {
      throw unsupportedQuery(
        `Unsupported or invalid query filter clause specified for property '${name}' of resource '${this.#schema.name}'.`,
      );
    }
    if (!property.filter.includes(operator)) this.#requireAdvanced(operator);
  }

  #requireAdvanced(operator: string): void {
    if (this.#advanced) return;
    throw unsupportedQuery(
      `Operator '${operator}' is not supported because the 'ConsistencyLevel:eventual' header is missing, or $count=true. Refer to https://aka.ms/graph-docs/advanced-queries for more information.`,
    );
  }

  #peek(): string | undefined {
    return this.#lexemes[this.#next]?.text;
  }

  #take(): string {
    const text = this.#peek();
    if (text === undefined) throw this.#syntaxError();
    this.#next += 1;
    return text;
  }

  #takes(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) throw this.#syntaxError();
  }

  #syntaxError() {
    const at = this.#lexemes[this.#next]?.at ?? this.#text.length;
    return badRequest(`Invalid filter clause: Syntax error at position ${at} in '${this.#text}'.`);
  }

  #incompatible() {
    return badRequest(
      'Invalid filter clause: A binary operator with incompatible types was detected: the literal is not of the type of the property.',
    );
  }
}

/** https://learn.microsoft.com/graph/filter-query-parameter */
const mostAlternatives = 15;

const affixes = ['startsWith', 'endsWith'] as const;

const propertyOf = ({ id, properties }: Match, name: string) => (name === 'id' ? id : (properties[name] ?? null));

/** The directory compares strings without regard to case. */
function compare(value: unknown, operator: 'eq' | 'ne' | 'ge' | 'le', literal: Literal): boolean {
  const [left, right] = [fold(value), fold(literal)];
  if (operator === 'eq') return left === right;
  if (operator === 'ne') return left !== right;
  if (typeof left !== 'string' || typeof right !== 'string') return false;
  return operator === 'ge' ? left >= right : left <= right;
}

function affixMatches(value: unknown, operator: 'startsWith' | 'endsWith', literal: Literal): boolean {
  const [left, right] = [fold(value), fold(literal)];
  if (typeof left !== 'string' || typeof right !== 'string') return false;
  return operator === 'startsWith' ? left.startsWith(right) : left.endsWith(right);
}

const fold = (value: unknown): unknown => (typeof value === 'string' ? value.toLowerCase() : value);
