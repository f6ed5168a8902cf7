#!lua
-- Takes a dead letter off the list and, unless it is dropped, puts what it holds back to where it came from.
-- KEYS[1] {p:s}   ARGV: 1 id; 2 drop | inbox | timer | effect, then
--   inbox: kind, text;   timer: member, due;   effect: queue, lane, text, now
-- Returns ok | gone
local p = KEYS[1] .. ':'
if redis.call('XDEL', p .. 'dead', ARGV[1]) == 0 then return 'gone' end
if ARGV[2] == 'inbox' then
  redis.call('XADD', p .. 'inbox', '*', ARGV[3], ARGV[4])
elseif ARGV[2] == 'timer' then
  redis.call('ZADD', p .. 'timers', ARGV[4], ARGV[3])
elseif ARGV[2] == 'effect' then
  -- Behind what waits for the chat already; a queue that waits keeps its lane and its time.
  if redis.call('RPUSH', p .. 'outbox:' .. ARGV[3], ARGV[4] .. ARGV[5]) == 1 then
    redis.call('ZADD', p .. 'lane:' .. ARGV[4], ARGV[6], ARGV[3])
  end
end
return 'ok'
