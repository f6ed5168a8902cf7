#!lua flags=allow-oom
-- Takes a shard, or the polling, when its owner has released it or is dead; whoever held it before writes nothing more.
-- KEYS[1] {p:s}:owner or {p}:poller   "<epoch>:<copy>", "<epoch>:" when it is free
-- ARGV[1] the copy that asks; ARGV[2...] the copies that live
-- Returns the new value of the key, the token that every later write of the owner must carry, and the copy that has not
-- released it ('' when none); nothing when another copy has it.
local held = redis.call('GET', KEYS[1])
local epoch, owner = 0, ''
if held then
  local number, name = string.match(held, '^(%d+):(.*)$')
  epoch, owner = tonumber(number) or 0, name or ''
  if owner ~= ARGV[1] then
    for i = 2, #ARGV do
      if ARGV[i] == owner then return {} end
    end
  end
end
local token = string.format('%d:%s', epoch + 1, ARGV[1])
redis.call('SET', KEYS[1], token)
return { token, owner }
