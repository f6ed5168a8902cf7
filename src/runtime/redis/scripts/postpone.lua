#!lua flags=allow-oom
-- Puts the effect at the head of a queue off to a later time; those behind it wait with it. Ends a hold on the queue.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 queue; 3 the head as it was taken; 4 the head to keep; 5 due, ms
--   6 token of the hold on the queue ('' for none)
-- Returns ok | fenced | gone
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then
  if ARGV[6] == '' then return 'fenced' end
  local till, holder = string.match(redis.call('HGET', p .. 'held', ARGV[2]) or '', '^(%d+):(.*)$')
  if holder ~= ARGV[6] or tonumber(till) < redis.call('TIME')[1] * 1000 then return 'gone' end
end
local list = p .. 'outbox:' .. ARGV[2]
if redis.call('LINDEX', list, 0) ~= ARGV[3] then return 'gone' end
for lane = 0, 3 do redis.call('ZADD', p .. 'lane:' .. lane, 'XX', ARGV[5], ARGV[2]) end
if ARGV[4] ~= ARGV[3] then redis.call('LSET', list, 0, ARGV[4]) end
redis.call('HDEL', p .. 'held', ARGV[2])
return 'ok'
