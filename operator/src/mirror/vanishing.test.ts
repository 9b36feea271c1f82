import { describe, expect, it } from 'vitest';
import { judgeVanishing } from './vanishing.ts';

const judge = (live: number, vanished: number, buriedLastSevenDays = 0) =>
  judgeVanishing({ noun: ['person', 'people'], live, vanished, buriedLastSevenDays });

describe('judgeVanishing', () => {
  it.each([
    { live: 1, vanished: 1, what: 'the only person' },
    { live: 2, vanished: 1, what: 'one of two' },
    { live: 3, vanished: 1, what: 'one of three' },
    { live: 7, vanished: 3, what: 'three, which is the floor' },
    { live: 1_000, vanished: 50, what: 'five per cent' },
    { live: 100_000, vanished: 500, what: 'five hundred, which is the cap' },
    { live: 5, vanished: 0, what: 'nobody' },
  ])('lets $what of $live go', ({ live, vanished }) => {
    expect(judge(live, vanished).hold).toBe(false);
  });

  it.each([
    { live: 2, vanished: 2, what: 'both of two' },
    { live: 3, vanished: 3, what: 'an emptied tenant within the floor' },
    { live: 4, vanished: 2, what: 'half' },
    { live: 9, vanished: 4, what: 'more than the floor' },
    { live: 1_000, vanished: 51, what: 'more than five per cent' },
    { live: 100_000, vanished: 501, what: 'more than the cap' },
  ])('holds $what of $live', ({ live, vanished }) => {
    expect(judge(live, vanished).hold).toBe(true);
  });

  it('counts what was buried within seven days, so that a tenant emptied piece by piece is noticed', () => {
    expect(judge(7, 1, 2).hold).toBe(false);
    expect(judge(6, 1, 3).hold).toBe(true);
    expect(judge(2, 1, 1).hold).toBe(true);
    expect(judge(1, 1, 2).hold).toBe(true);
    expect(judge(950, 1, 50).hold).toBe(true);
  });

  it('measures five per cent of those who were there before', () => {
    expect(judge(960, 10, 40)).toMatchObject({ hold: false, allowance: 50 });
    expect(judge(960, 11, 40)).toMatchObject({ hold: true, allowance: 50 });
  });

  it('holds nothing when nobody vanishes, however many were buried before', () => {
    expect(judge(10, 0, 400).hold).toBe(false);
  });

  it('says what is so in a sentence', () => {
    expect(judge(1_000, 412).sentence).toBe(
      '412 of 1,000 people vanished within seven days, and at most 50 may without confirmation.',
    );
    expect(judge(4, 2).sentence).toBe(
      '2 of 4 people vanished within seven days, and half of them or more may not without confirmation.',
    );
    expect(judge(1, 1).sentence).toBe('1 of 1 person vanished within seven days.');
  });

  it('speaks of this moment where nobody counts what was buried before', () => {
    const groups = judgeVanishing({ noun: ['group', 'groups'], live: 60, vanished: 12 });
    expect(groups).toMatchObject({
      hold: true,
      sentence: '12 of 60 groups vanished at once, and at most 3 may without confirmation.',
    });
  });
});
