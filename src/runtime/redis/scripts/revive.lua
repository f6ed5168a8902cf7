#!lua
-- Takes a dead letter off the list and puts what it holds back to where it came from.
-- KEYS[1] {p:s}   ARGV: 1 id; 2 inbox | timer | effect, then
--   inbox: field, text;   timer: member, due;   effect: queue, lane, text, due
-- Returns ok | gone
local p = KEYS[1] .. ':'
if #redis.call('XRANGE', p .. 'dead', ARGV[1], ARGV[1]) == 0 then return 'gone' end
if ARGV[2] == 'inbox' then
  redis.call('XADD', p .. 'inbox', '*', ARGV[3], ARGV[4])
elseif ARGV[2] == 'timer' then
  -- One of its name that was set since is the right one.
  redis.call('ZADD', p .. 'timers', 'NX', ARGV[4], ARGV[3])
elseif ARGV[2] == 'effect' then
  -- Behind what waits for the chat already, which it lifts into its own lane; the queue keeps its time.
  local lane, queue = tonumber(ARGV[4]), ARGV[3]
  if redis.call('RPUSH', p .. 'outbox:' .. queue, lane .. ARGV[5]) == 1 then
    redis.call('ZADD', p .. 'lane:' .. lane, ARGV[6], queue)
  else
    for worse = 3, lane + 1, -1 do
      local due = redis.call('ZSCORE', p .. 'lane:' .. worse, queue)
      if due then
        redis.call('ZREM', p .. 'lane:' .. worse, queue)
        redis.call('ZADD', p .. 'lane:' .. lane, due, queue)
      end
    end
  end
  redis.pcall('INCRBY', p .. 'stats:outbox', 1)
end
-- Last, so that what cannot be put back is kept.
redis.call('XDEL', p .. 'dead', ARGV[1])
return 'ok'
